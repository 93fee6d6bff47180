using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>What commands ask of a running controller by files in the state folder.</summary>
public sealed class StateWatchTests : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5), Limit = TimeSpan.FromSeconds(30), WhatABugTakes = TimeSpan.FromMilliseconds(500);
    private readonly TempFolder _folder = new();
    private readonly ManualTime _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task AWishIsDoneOnceHoweverSlowTheDiskIs()
    {
        string folder = _folder.File("ca");
        RootRotation rotation = new(folder);
        await using BuiltInCertificateAuthority authority = await OpenAsync(folder);
        using StateWatch watch = Watch(cancellationToken => rotation.DoIfAskedAsync(authority, NullLogger.Instance, cancellationToken));
        TaskCompletionSource isDoing = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using ManualResetEventSlim disk = new();
        authority.RootsChanged += () =>
        {
            if (isDoing.TrySetResult()) disk.Wait(Limit);
        };
        await watch.StartAsync(CancellationToken.None);

        rotation.Ask(signNow: true);
        await isDoing.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        Task looks = Task.Run(() => _time.Advance(2 * Interval), TestContext.Current.CancellationToken);
        await Task.WhenAny(looks, Task.Delay(WhatABugTakes, TestContext.Current.CancellationToken));
        disk.Set();
        await looks.WaitAsync(Limit, TestContext.Current.CancellationToken);
        await watch.StopAsync(CancellationToken.None);

        Assert.False(rotation.IsAsked);
        Assert.Equal(2, authority.Roots.Length);
    }

    [Fact]
    public async Task WhatFailsInAWayThatNobodyThoughtOfIsTriedAgain()
    {
        int calls = 0;
        TaskCompletionSource failed = new(TaskCreationOptions.RunContinuationsAsynchronously), again = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using StateWatch watch = Watch(_ =>
        {
            if (++calls == 2)
            {
                failed.SetResult();
                throw new InvalidOperationException("a bug");
            }
            if (calls > 2) again.TrySetResult();
            return Task.CompletedTask;
        });
        await watch.StartAsync(CancellationToken.None);
        _folder.Replace("rotate.asked", "");
        await failed.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        _time.Advance(Interval);
        await again.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        await watch.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task TheFileOfRootsEndsWithTheRootsThatAre()
    {
        await using BuiltInCertificateAuthority authority = await OpenAsync(_folder.File("ca"));
        string old = FolderRootStore.ReadRecords(_folder.File("ca"))[0].Id;
        TaskCompletionSource isWriting = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using ManualResetEventSlim disk = new();
        string path = _folder.File("roots.pem");
        SlowlyRead read = new(authority);
        RootsFile file = new(path, read, NullLogger.Instance);
        await file.StartAsync(CancellationToken.None);
        read.HasRead = () =>
        {
            if (isWriting.TrySetResult()) disk.Wait(Limit);
        };

        Task rotating = Task.Run(() => authority.RotateRootAsync(signNow: true, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        await isWriting.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        Task removing = Task.Run(() => authority.RemoveRootAsync(old, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        await Task.WhenAny(removing, Task.Delay(WhatABugTakes, TestContext.Current.CancellationToken));
        disk.Set();
        await Task.WhenAll(rotating, removing).WaitAsync(Limit, TestContext.Current.CancellationToken);
        await file.StopAsync(CancellationToken.None);

        X509Certificate2Collection written = [];
        written.ImportFromPemFile(path);
        Assert.Equal(Assert.Single(authority.Roots).Span, Assert.Single(written).RawDataMemory.Span);
    }

    private Task<BuiltInCertificateAuthority> OpenAsync(string folder) =>
        BuiltInCertificateAuthority.OpenAsync(new(), new FolderRootStore(folder), _time, new Random(1), NullLogger.Instance, TestContext.Current.CancellationToken);

    private StateWatch Watch(Func<CancellationToken, Task> asked) => new(_folder.Path, asked, _time, NullLogger.Instance);

    /// <summary>Whoever reads the roots is kept for as long as <see cref="HasRead"/> takes.</summary>
    private sealed class SlowlyRead(ICertificateAuthority inner) : ICertificateAuthority
    {
        public Action? HasRead { get; set; }

        public ImmutableArray<ReadOnlyMemory<byte>> Roots
        {
            get
            {
                ImmutableArray<ReadOnlyMemory<byte>> roots = inner.Roots;
                HasRead?.Invoke();
                return roots;
            }
        }

        public event Action? RootsChanged
        {
            add => inner.RootsChanged += value;
            remove => inner.RootsChanged -= value;
        }

        public Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken) => inner.SignAsync(request, cancellationToken);
    }
}
