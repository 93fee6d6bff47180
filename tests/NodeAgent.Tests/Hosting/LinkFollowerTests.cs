using System.Collections.Immutable;
using System.Threading.Channels;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>What the agent makes of changes of the node's links.</summary>
public sealed class LinkFollowerTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<ImmutableArray<string>> _changes = Channel.CreateUnbounded<ImmutableArray<string>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly DatapathState _state = new();
    private readonly Target _target = new();
    private readonly SnapshotApplier _applier;
    private readonly Task _running;
    private volatile bool _isWaiting;

    public LinkFollowerTests()
    {
        _applier = new SnapshotApplier();
        _applier.Open(_target);
        _running = new LinkFollower(_changes.Reader, _applier, _state, () => _isWaiting, TimeProvider.System, NullLogger.Instance).RunAsync(_stop.Token);
    }

    [Fact]
    public async Task WhatFailedIsTriedAgainWithoutAnotherChange()
    {
        _target.Failures = 3;
        _changes.Writer.TryWrite([]);
        await _target.Applied.Task.WaitAsync(Patience);
        Assert.Equal(4, _target.Tries);
    }

    [Fact]
    public async Task WhatFailedIsTriedAgainWithTheNextChangeWhoeversItIs()
    {
        _target.Failures = 1;
        _changes.Writer.TryWrite([]);
        _changes.Writer.TryWrite(["somebody's"]);
        await _target.Applied.Task.WaitAsync(Patience);
        Assert.Equal(2, _target.Tries);
    }

    [Fact]
    public async Task ChangesOfOthersLinksAreNotLookedAt()
    {
        _changes.Writer.TryWrite(["somebody's"]);
        _changes.Writer.TryWrite([]);
        await _target.Applied.Task.WaitAsync(Patience);
        Assert.Equal(1, _target.Looks);
    }

    [Fact]
    public async Task WhileANamespaceIsWaitedForItIsLookedForWithoutAChange()
    {
        // It begins to be waited for while the follower sleeps.
        await Task.Yield();
        _isWaiting = true;
        await _target.Applied.Task.WaitAsync(Patience);
    }

    [Fact]
    public async Task WithoutAWatcherItGoesOn()
    {
        _target.Failures = 1;
        _changes.Writer.TryWrite([]);
        _changes.Writer.Complete(new IOException("the watcher broke"));
        await _target.Applied.Task.WaitAsync(Patience);
        Assert.False(_running.IsCompleted);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.WaitAsync(Patience);
        _applier.Dispose();
        _stop.Dispose();
    }

    private sealed class Target : ISnapshotTarget
    {
        internal int Failures { get; set; }

        internal int Looks { get; private set; }

        internal int Tries { get; private set; }

        internal TaskCompletionSource Applied { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public NodeSnapshot InForce { get; } = new() { Node = "test", Version = 1 };

        public bool IsCurrent()
        {
            Looks++;
            return false;
        }

        public void Apply(NodeSnapshot snapshot)
        {
            if (++Tries <= Failures) throw new IOException("no room");
            Applied.TrySetResult();
        }
    }
}
