using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Grpc.Core;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Tokens that are kept, and who has the controller asked for others, when.</summary>
public sealed class JwtSvidCacheTests : IAsyncDisposable
{
    private static readonly WorkloadInfo Web = ServedWorkloads.Workload("web", ServedWorkloads.WebId);
    private static readonly WorkloadInfo Db = ServedWorkloads.Workload("db", ServedWorkloads.DbId);

    private readonly ManualTime _time = new(DateTimeOffset.FromUnixTimeSeconds(1_800_000_000));
    private readonly SigningIssuer _issuer;
    private readonly JwtSvidCache _cache;

    public JwtSvidCacheTests()
    {
        _issuer = new SigningIssuer(_time);
        _cache = new JwtSvidCache(_issuer, _time);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await _cache.DisposeAsync();
        _issuer.Dispose();
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhoAsksForTokensWithoutEndHasHisOwnForgotten()
    {
        IssuedJwt kept = await GetAsync(Db, "cache");
        for (int i = 0; i < 3 * HeldJwts.MostOfOne; i++)
        {
            await GetAsync(Web, $"audience-{i}");
            _time.Advance(TimeSpan.FromSeconds(1.0 / JwtPace.PerSecond));
        }
        Assert.Equal(HeldJwts.MostOfOne + 1, _cache.Count);
        Assert.Same(kept, await GetAsync(Db, "cache"));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhoWaitsForManyIsRefusedMoreAndOthersHaveTheirTurns()
    {
        TaskCompletionSource until = new();
        _issuer.Until = until.Task;
        Task<IssuedJwt>[] many = [.. Enumerable.Range(0, JwtSvidCache.MostUnfinished).Select(i => GetAsync(Web, $"audience-{i}"))];
        await SocketExtensions.EventuallyAsync(() => _issuer.Calls == JwtSvidCache.MostAsked);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => GetAsync(Web, "one more"));
        Assert.Equal((StatusCode.ResourceExhausted, $"this workload waits for {JwtSvidCache.MostUnfinished} tokens already"), (refused.StatusCode, refused.Status.Detail));

        Task<IssuedJwt> other = GetAsync(Db, "cache");
        Assert.Equal(JwtSvidCache.MostUnfinished + 1, _cache.Unfinished);
        until.SetResult();
        await Task.WhenAll([other, .. many]);
        Assert.Equal(0, _cache.Unfinished);
    }

    [Fact]
    public void WorkloadsHaveTurns()
    {
        JwtAskQueue queue = new();
        JwtAsk[] asks = [.. "aaaabbc".Select(uid => new JwtAsk(uid.ToString(), [], 0, Cancel))];
        foreach (JwtAsk ask in asks) queue.Add(ask);
        Assert.True(queue.Remove(asks[1]));
        Assert.False(queue.Remove(asks[1]));
        List<JwtAsk> taken = [];
        while (queue.TryTake(out JwtAsk? next)) taken.Add(next);
        Assert.Equal([asks[0], asks[4], asks[6], asks[2], asks[5], asks[3]], taken);

        // Whose turn was for nothing has the next one of its workload, and that comes first if it has no others that wait.
        queue.Add(asks[0]);
        queue.Add(asks[4]);
        queue.AddAgain(asks[5]);
        queue.AddAgain(asks[6]);
        taken.Clear();
        while (queue.TryTake(out JwtAsk? next)) taken.Add(next);
        Assert.Equal([asks[6], asks[0], asks[5], asks[4]], taken);
        foreach (JwtAsk ask in asks) ask.Dispose();
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhatNobodyWaitsForAnyMoreIsGivenUp()
    {
        _issuer.Until = new TaskCompletionSource().Task;
        using CancellationTokenSource leave = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        for (int round = 0; round < 3; round++)
        {
            using CancellationTokenSource left = new();
            Task<IssuedJwt>[] many = [.. Enumerable.Range(0, JwtSvidCache.MostUnfinished).Select(i => _cache.GetAsync(Web, [$"audience-{i}"], left.Token))];
            await SocketExtensions.EventuallyAsync(() => _cache.Unfinished == JwtSvidCache.MostUnfinished);
            await left.CancelAsync();
            foreach (Task<IssuedJwt> one in many) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
            await SocketExtensions.EventuallyAsync(() => _cache.Unfinished == 0);
        }

        // One that another still waits for is not.
        Task<IssuedJwt> stays = GetAsync(Web, "cache"), goes = _cache.GetAsync(Web, ["cache"], leave.Token);
        await leave.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => goes);
        Assert.Equal(1, _cache.Unfinished);
        Assert.False(stays.IsCompleted);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhatTheControllerHasNoTimeForWaitsOnAndEachPodOfTheNodeHasItsTurn()
    {
        TimeSpan pushback = TimeSpan.FromSeconds(1);
        _issuer.Failure = new RpcException(new Status(StatusCode.ResourceExhausted, "too many"), RetryPushback.Trailers(pushback));
        Task<IssuedJwt>[] many = [.. Enumerable.Range(0, JwtSvidCache.MostUnfinished).Select(i => GetAsync(Web, $"audience-{i}"))];
        Task<IssuedJwt> other = GetAsync(Db, "cache");

        // Each has its own end, and one timer is for all that wait.
        await _time.TimersAsync(JwtSvidCache.MostUnfinished + 2);
        int refused = _issuer.Calls;
        Assert.InRange(refused, 1, JwtSvidCache.MostAsked);
        _time.Advance(pushback - TimeSpan.FromMilliseconds(1));
        Assert.Equal(refused, _issuer.Calls);
        _issuer.Failure = null;
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await Task.WhenAll([other, .. many]);
        Assert.Equal(0, _cache.Unfinished);
    }

    [Fact]
    public async Task WhatTheControllerNeverHasTimeForEnds()
    {
        _issuer.Failure = new RpcException(new Status(StatusCode.ResourceExhausted, "too many"), RetryPushback.Trailers(RetryPushback.Longest));
        Task<IssuedJwt> asked = GetAsync(Web, "db");
        await _time.TimersAsync(2);
        _time.Advance(JwtSvidCache.LongestQueue);

        // It is not the workload's own bound.
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => asked)).StatusCode);
        Assert.Equal(0, _cache.Unfinished);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task OfAllPodsOnlySoManyAreAskedForAndEachHasItsTurn()
    {
        for (int i = 0; i < JwtPace.BurstOfAll; i++)
        {
            string name = $"pod-{i / JwtPace.Burst}";
            await GetAsync(ServedWorkloads.Workload(name, SpiffeId.ForServiceAccount("cluster.local", "shop", name)), $"audience-{i}");
        }
        Task<IssuedJwt>[] many = [.. Enumerable.Range(0, JwtSvidCache.MostUnfinished).Select(i => GetAsync(Web, $"audience-{i}"))];
        Task<IssuedJwt> other = GetAsync(Db, "cache");
        Assert.Equal(JwtPace.BurstOfAll, _issuer.Calls);

        // For two or three of them.
        _time.Advance(TimeSpan.FromSeconds(3.0 / JwtPace.PerSecondOfAll));
        await other;
        Assert.InRange(_issuer.Calls, JwtPace.BurstOfAll + 1, JwtPace.BurstOfAll + 3);
        _time.Advance(TimeSpan.FromSeconds(1));
        await Task.WhenAll(many);
        Assert.Equal(JwtPace.BurstOfAll + JwtSvidCache.MostUnfinished + 1, _issuer.Calls);
    }

    [Fact]
    public async Task WhoseTurnDoesNotComeInTimeIsToldSo()
    {
        TaskCompletionSource until = new();
        _issuer.Until = until.Task;
        Task<IssuedJwt>[] asked = [.. Enumerable.Range(0, JwtSvidCache.MostAsked).Select(i => GetAsync(Web, $"audience-{i}"))];
        Task<IssuedJwt> waits = GetAsync(Db, "cache");
        _time.Advance(JwtSvidCache.LongestQueue);
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => waits)).StatusCode);
        Assert.Equal(JwtSvidCache.MostAsked, _cache.Unfinished);
        until.SetResult();
        await Task.WhenAll(asked);
        await GetAsync(Db, "cache");
    }

    [Fact]
    public async Task WhileTheControllerIsSilentATokenServesAndTheNextIsNotWaitedForLong()
    {
        IssuedJwt first = await GetAsync(Web, "db");
        TaskCompletionSource until = new();
        _issuer.Until = until.Task;
        _time.Advance(TimeSpan.FromSeconds(200));
        Task<IssuedJwt> second = GetAsync(Web, "db");
        await SocketExtensions.EventuallyAsync(() => _issuer.Calls == 2);
        Assert.False(second.IsCompleted);
        _time.Advance(JwtSvidCache.Patience);
        Assert.Same(first, await second);

        // Who asks next does not wait again for the same, and has the answer when it comes.
        Assert.Same(first, await GetAsync(Web, "db"));
        Assert.Equal(2, _issuer.Calls);
        until.SetResult();
        await SocketExtensions.EventuallyAsync(() => _cache.Unfinished == 0);
        IssuedJwt third = await GetAsync(Web, "db");
        Assert.NotSame(first, third);
        Assert.Equal(2, _issuer.Calls);
    }

    [Fact]
    public async Task ALifeIsCountedFromWhenItWasAskedFor()
    {
        TaskCompletionSource until = new();
        _issuer.Until = until.Task;
        Task<IssuedJwt> slow = GetAsync(Web, "db");
        await SocketExtensions.EventuallyAsync(() => _issuer.Calls == 1);
        _time.Advance(TimeSpan.FromSeconds(9)); // what is signed then ends later than what is kept says, and not earlier
        until.SetResult();
        IssuedJwt first = await slow;
        _time.Advance((JwtSvid.Lifetime / 2) - TimeSpan.FromSeconds(9));
        Assert.NotSame(first, await GetAsync(Web, "db"));
    }

    [Fact]
    public async Task WhatWasSignedWithAKeyThatHasLeftTheBundleIsForgotten()
    {
        using SigningIssuer next = new(_time);
        JwtKey other = new() { KeyId = "k2", Algorithms = next.Key.Algorithms, PublicKey = next.Key.PublicKey };

        // A key that signs before its bundle has come is no reason.
        _cache.Forget([other]);
        IssuedJwt first = await GetAsync(Web, "db");
        _cache.Forget([other, _issuer.Key]);
        Assert.Same(first, await GetAsync(Web, "db"));
        _cache.Forget([other]);
        Assert.Equal(0, _cache.Count);
        Assert.NotSame(first, await GetAsync(Web, "db"));
    }

    private Task<IssuedJwt> GetAsync(WorkloadInfo workload, string audience) => _cache.GetAsync(workload, [audience], Cancel);
}
