using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Identity;

/// <summary>Certificates that people have renewed now.</summary>
public sealed class SvidRotationTests : IAsyncDisposable
{
    private static readonly SpiffeId Web = SpiffeId.ForServiceAccount("cluster.local", "shop", "web");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly Dictionary<SpiffeId, string> Wanted = new() { [Web] = "shop/web" };

    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private readonly TestIssuer _issuer = new(TimeSpan.FromHours(48));
    private readonly SvidStore _store;

    public SvidRotationTests() => _store = new SvidStore(_issuer, null, _time, NullLogger.Instance);

    public ValueTask DisposeAsync() => _store.DisposeAsync();

    [Fact]
    public async Task AnotherCertificateIsInUseWhenItIsOver()
    {
        Svid first = await FirstAsync();
        _time.Advance(Rotation.LeastBetween);
        Rotation rotation = await RotateAsync();
        Svid second = _store.Find(Web)!;
        Assert.Null(rotation.Error);
        Assert.Equal((first.Chain[0], second.Chain[0]), (rotation.Before!, rotation.After!));
        Assert.NotEqual(first.Chain[0], second.Chain[0]);
        Assert.Equal(2, second.Version);
    }

    [Fact]
    public async Task ACertificateThatHasJustComeIsNotRenewed()
    {
        Svid first = await FirstAsync();
        for (int i = 0; i < 20; i++)
        {
            Rotation rotation = await RotateAsync();
            Assert.Equal((first.Chain[0], "its certificate is 0 s old, and is renewed on demand once in 10 s"), (rotation.Before!, rotation.Error));
            Assert.Null(rotation.After);
        }

        // Nor is it later, for what was asked then.
        _time.Advance(Rotation.LeastBetween);
        Assert.Null((await RotateAsync()).Error);
        Assert.Equal(2, _issuer.Calls);
    }

    [Fact]
    public async Task AllWhoAskAtOnceWaitForOneAttempt()
    {
        await FirstAsync();
        _time.Advance(Rotation.LeastBetween);
        TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _issuer.Until = answer.Task;
        Task<Rotation>[] asked = [.. Enumerable.Range(0, 10).Select(_ => RotateAsync())];
        answer.SetResult();
        Rotation[] rotations = await Task.WhenAll(asked);
        Assert.All(rotations, r => Assert.Equal(_store.Find(Web)!.Chain[0], r.After!));

        // That none of them had another attempt follow the next one tells, which is the third.
        _time.Advance(Rotation.LeastBetween);
        Assert.Null((await RotateAsync()).Error);
        Assert.Equal((3, 3), (_issuer.Calls, _store.Find(Web)!.Version));
    }

    [Fact]
    public async Task AnAttemptThatIsUnderWayIsWaitedFor()
    {
        TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _issuer.Until = answer.Task;
        _store.Want(Wanted);
        await _issuer.Asked.Task.WaitAsync(Patience);
        Assert.Null(Assert.Single(_store.List()).NextAttempt);
        Task<Rotation> asked = RotateAsync();
        answer.SetResult();
        Rotation rotation = await asked;
        Assert.Equal((null, _store.Find(Web)!.Chain[0], null), (rotation.Before, rotation.After, rotation.Error));
        Assert.Equal(1, _issuer.Calls);
    }

    [Fact]
    public async Task WhyAnAuthorityDoesNotSignIsToldAndTheCertificateStays()
    {
        Svid first = await FirstAsync();
        _time.Advance(Rotation.LeastBetween);
        _issuer.Failures = int.MaxValue;
        Rotation rotation = await RotateAsync();
        Assert.Equal((first.Chain[0], "the authority is away"), (rotation.Before!, rotation.Error));
        Assert.Same(first, _store.Find(Web));

        // It is asked again in its own time, whoever asks for it meanwhile.
        using CancellationTokenSource deadline = new(TimeSpan.FromMilliseconds(1), _time);
        Task<Rotation> again = _store.RotateAsync(Web, deadline.Token);
        SvidState state = Assert.Single(_store.List());
        Assert.InRange(state.NextAttempt!.Value - _time.GetUtcNow(), TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(200));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.StartsWith("the authority is away; the next attempt is at ", (await again.WaitAsync(Patience)).Error, StringComparison.Ordinal);
        Assert.Equal(2, _issuer.Calls);
    }

    [Fact]
    public async Task AnAuthorityThatDoesNotAnswerIsNotWaitedForLongerThanAsked()
    {
        Svid first = await FirstAsync();
        _time.Advance(Rotation.LeastBetween);
        TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _issuer.Until = answer.Task;
        using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(30), _time);
        Task<Rotation> asked = _store.RotateAsync(Web, deadline.Token);
        _time.Advance(TimeSpan.FromSeconds(30));
        Rotation rotation = await asked.WaitAsync(Patience);
        Assert.Equal((first.Chain[0], "no answer came in time; the attempt goes on"), (rotation.Before!, rotation.Error));
        Assert.Same(first, _store.Find(Web));

        // What comes late is used.
        TaskCompletionSource<Svid> late = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _store.Changed += late.SetResult;
        answer.SetResult();
        Assert.Equal(2, (await late.Task.WaitAsync(Patience)).Version);
    }

    [Fact]
    public async Task AnIdentityThatNobodyHasIsNotRenewed()
    {
        Assert.Equal("no workload of this node has this identity any more", (await RotateAsync()).Error);
        TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _issuer.Until = answer.Task;
        _store.Want(Wanted);
        await _issuer.Asked.Task.WaitAsync(Patience);
        Task<Rotation> asked = RotateAsync();
        _store.Want(new Dictionary<SpiffeId, string>());
        answer.SetResult();
        Assert.Equal("no workload of this node has this identity any more", (await asked).Error);
    }

    [Fact]
    public async Task WhenTheNextRenewalIsIsKnown()
    {
        Svid first = await FirstAsync();
        await _time.TimersAsync(1);
        TimeSpan life = first.NotAfter - first.ReceivedAt;
        SvidState state = Assert.Single(_store.List());
        Assert.InRange(state.NextAttempt!.Value - first.ReceivedAt, life * 0.6, life * 0.73);
    }

    private async Task<Svid> FirstAsync()
    {
        TaskCompletionSource<Svid> changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        void On(Svid svid) => changed.TrySetResult(svid);
        _store.Changed += On;
        _store.Want(Wanted);
        Svid svid = await changed.Task.WaitAsync(Patience);
        _store.Changed -= On;
        return svid;
    }

    private Task<Rotation> RotateAsync() => _store.RotateAsync(Web, CancellationToken.None).WaitAsync(Patience);
}
