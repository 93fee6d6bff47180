using Culvert.Core;
using Culvert.NodeAgent.Hosting;

namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>Snapshots, changes of links and a detach that meet.</summary>
public sealed class SnapshotApplierTests : IDisposable
{
    private readonly Target _target = new();
    private readonly SnapshotApplier _applier = new();

    public SnapshotApplierTests() => _applier.Open(_target);

    [Fact]
    public async Task WhatComesBeforeThereIsATargetWaits()
    {
        using SnapshotApplier early = new();
        Task first = early.ApplyAsync(Snapshot(1), default);
        Assert.False(first.IsCompleted);
        early.Open(_target);
        await first;
        Assert.Equal([1UL], _target.Applied);
    }

    [Fact]
    public async Task AChangeOfLinksDuringASnapshotDoesNotBringTheOneBeforeBack()
    {
        await _applier.ApplyAsync(Snapshot(1), default);
        _target.LinksChanged = true;
        Task second = Task.Run(() =>
        {
            _target.Hold = true;
            return _applier.ApplyAsync(Snapshot(2), default);
        });
        Assert.True(_target.Holding.Wait(TimeSpan.FromSeconds(10)));
        Task refresh = _applier.RefreshAsync(snapshot => snapshot.Version == 2, default);
        Assert.False(refresh.IsCompleted);
        _target.GoOn.Set();
        await second;
        await refresh;
        Assert.Equal([1UL, 2, 2], _target.Applied);
    }

    [Fact]
    public async Task LinksThatAreAsTheyWereOrNobodysChangeNothing()
    {
        await _applier.RefreshAsync(_ => true, default);
        await _applier.ApplyAsync(Snapshot(1), default);
        await _applier.RefreshAsync(_ => true, default);
        _target.LinksChanged = true;
        await _applier.RefreshAsync(_ => false, default);
        Assert.Equal([1UL], _target.Applied);
    }

    [Fact]
    public async Task ALookAtTheNodeIsAloneAndWhatItFindsIsPutIntoForce()
    {
        await _applier.ApplyAsync(Snapshot(1), default);
        await _applier.RefreshAfterAsync(() => false, default);
        _target.LinksChanged = true;
        Task? meanwhile = null;
        await _applier.RefreshAfterAsync(
            () =>
            {
                meanwhile = _applier.ApplyAsync(Snapshot(2), default);
                return !meanwhile.IsCompleted;
            },
            default);
        await meanwhile!;
        Assert.Equal([1UL, 1, 2], _target.Applied);
        await _applier.DetachAsync(() => "out", default);
        await _applier.RefreshAfterAsync(() => throw new InvalidOperationException("a detached agent looks"), default);
    }

    [Fact]
    public async Task ADetachedAgentStaysOutOfTheKernel()
    {
        await _applier.ApplyAsync(Snapshot(1), default);
        Assert.Equal("out", await _applier.DetachAsync(() => "out", default));
        _target.LinksChanged = true;
        await _applier.RefreshAsync(_ => true, default);
        await Assert.ThrowsAsync<InvalidOperationException>(() => _applier.ApplyAsync(Snapshot(2), default));
        Assert.Equal([1UL], _target.Applied);
    }

    [Fact]
    public async Task AFailureLetsTheNextOneIn()
    {
        await Assert.ThrowsAsync<IOException>(() => _applier.DetachAsync<string>(() => throw new IOException(), default));
        await _applier.ApplyAsync(Snapshot(1), default);
        Assert.Equal([1UL], _target.Applied);
    }

    public void Dispose()
    {
        _applier.Dispose();
        _target.Dispose();
    }

    private static NodeSnapshot Snapshot(ulong version) => new() { Node = "test", Version = version };

    private sealed class Target : ISnapshotTarget, IDisposable
    {
        internal List<ulong> Applied { get; } = [];

        internal bool LinksChanged { get; set; }

        internal bool Hold { get; set; }

        internal ManualResetEventSlim Holding { get; } = new();

        internal ManualResetEventSlim GoOn { get; } = new();

        public NodeSnapshot InForce { get; private set; } = new() { Node = "test" };

        public bool IsCurrent() => !LinksChanged;

        public void Apply(NodeSnapshot snapshot)
        {
            if (Hold)
            {
                Hold = false;
                Holding.Set();
                Assert.True(GoOn.Wait(TimeSpan.FromSeconds(10)));
            }

            InForce = snapshot;
            Applied.Add(snapshot.Version);
        }

        public void Dispose()
        {
            Holding.Dispose();
            GoOn.Dispose();
        }
    }
}
