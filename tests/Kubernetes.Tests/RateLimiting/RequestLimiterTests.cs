using Culvert.Kubernetes.RateLimiting;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Kubernetes.Tests.RateLimiting;

/// <summary>The token bucket.</summary>
public sealed class RequestLimiterTests
{
    private readonly ManualTime _time = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ABurstGoesAtOnceAndTheRestInTurn()
    {
        using var limiter = new RequestLimiter(10, 3, _time);
        for (int i = 0; i < 3; i++) Assert.Equal(TimeSpan.Zero, await limiter.WaitAsync(Stop));
        Task<TimeSpan> fourth = limiter.WaitAsync(Stop).AsTask(), fifth = limiter.WaitAsync(Stop).AsTask();
        await _time.TimersAsync(1);
        Assert.False(fourth.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(TimeSpan.FromMilliseconds(100), await Soon.Ends(fourth));
        await _time.TimersAsync(1);
        Assert.False(fifth.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(TimeSpan.FromMilliseconds(200), await Soon.Ends(fifth));
    }

    [Fact]
    public async Task WhoGivesUpTakesNoToken()
    {
        using var limiter = new RequestLimiter(1, 1, _time);
        await limiter.WaitAsync(Stop);
        using var stop = new CancellationTokenSource();
        Task<TimeSpan> given = limiter.WaitAsync(stop.Token).AsTask();
        await _time.TimersAsync(1);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Soon.Ends(given));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.Zero, await limiter.WaitAsync(Stop));
    }

    [Fact]
    public async Task APauseSavesNoMoreThanABurst()
    {
        using var limiter = new RequestLimiter(10, 2, _time);
        _time.Advance(TimeSpan.FromHours(1));
        for (int i = 0; i < 2; i++) await limiter.WaitAsync(Stop);
        Task<TimeSpan> third = limiter.WaitAsync(Stop).AsTask();
        await _time.TimersAsync(1);
        Assert.False(third.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(1));
        await Soon.Ends(third);
    }
}
