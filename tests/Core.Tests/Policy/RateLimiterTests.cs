namespace Culvert.Core.Tests;

/// <summary>Counting of requests, by a clock that tests move.</summary>
public sealed class RateLimiterTests
{
    private const long Second = 1_000_000_000;

    [Theory]
    [InlineData(100, 1, 1)]
    [InlineData(100, 1, 20)]
    [InlineData(3, 1, 5)]
    [InlineData(7, 60, 2)]
    [InlineData(20, 3600, 1)]
    public void BucketsSayWhatANaiveModelSays(int requests, int seconds, int burst)
    {
        RateLimit limit = new() { Requests = requests, Seconds = seconds, Burst = burst };
        RateLimiter limiter = new(limit);
        Random random = new(1);
        Int128 level = (Int128)burst * limit.Interval; // what is in the bucket, in nanoseconds of the rate
        long now = Second, before = now;
        for (int i = 0; i < 20_000; i++)
        {
            now += random.NextInt64(random.Next(4) == 0 ? 4 * limit.Interval : limit.Interval);
            level = Int128.Min((Int128)burst * limit.Interval, level + (now - before));
            before = now;
            long wait = limiter.Take(null, now);
            bool isRoom = level >= limit.Interval;
            Assert.Equal(isRoom ? 0 : (long)(limit.Interval - level), wait);
            if (isRoom) level -= limit.Interval;
        }
    }

    [Fact]
    public void NoMorePassThanThatWhoeverAsks()
    {
        RateLimiter limiter = new(new RateLimit { Requests = 1, Seconds = 3600, Burst = 1000 });
        int passed = 0;
        Parallel.For(0, 20_000, _ =>
        {
            if (limiter.Take(null, Second) == 0) Interlocked.Increment(ref passed);
        });
        Assert.Equal(1000, passed);
    }

    [Fact]
    public void EachValueHasABucketUntilThereAreTooMany()
    {
        RateLimiter limiter = new(new RateLimit { Requests = 1, Seconds = 1, Burst = 1, By = RateLimitBy.Header, Header = "x" });
        for (int i = 0; i < RateLimiter.MostBuckets; i++) Assert.Equal(0, limiter.Take((UInt128)i, Second));
        Assert.Equal(Second, limiter.Take(0, Second));
        Assert.Equal(0, limiter.Take(5000, Second)); // shared by all further ones, and by those without a value
        Assert.Equal(Second, limiter.Take(5001, Second));
        Assert.Equal(Second, limiter.Take(null, Second));
        Assert.Equal(RateLimiter.MostBuckets, limiter.Count);
        Assert.Equal(0, limiter.Take(5000, 3 * Second)); // those that are full again have made room
        Assert.Equal(0, limiter.Take(5001, 3 * Second));
        Assert.Equal(2, limiter.Count);
    }

    [Fact]
    public void WhatIsTooManyIsToldOfOnceInASecond()
    {
        RateLimiter limiter = new(new RateLimit { Requests = 1, Seconds = 1, Burst = 1 });
        Assert.Equal([true, false, false, true], new[] { Second, Second + 1, (2 * Second) - 1, 2 * Second }.Select(limiter.IsNews));
    }

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(1, 2, 1)]
    [InlineData(1_000_001, 1, 1)]
    [InlineData(1, 1, 0)]
    [InlineData(1, 3600, 1_000_001)]
    public void WhatCannotBeCountedIsNoLimit(int requests, int seconds, int burst) => Assert.False(new RateLimit { Requests = requests, Seconds = seconds, Burst = burst }.IsValid);
}
