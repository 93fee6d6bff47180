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
            long wait = limiter.Take(null, now, out _);
            bool isRoom = level >= limit.Interval;
            Assert.Equal(isRoom ? 0 : (long)(limit.Interval - level), wait);
            if (isRoom) level -= limit.Interval;
        }
    }

    [Theory]
    [InlineData(100, 1, 20, 1)]
    [InlineData(100, 1, 20, 5)]
    [InlineData(7, 60, 4, 3)]
    public void WhatComesBeyondIsDelayedUntilItIsOnTime(int requests, int seconds, int burst, int after)
    {
        RateLimit limit = new() { Requests = requests, Seconds = seconds, Burst = burst, DelayAfter = after };
        Assert.True(limit.IsValid);
        RateLimiter limiter = new(limit);
        Random random = new(1);
        List<long> uses = [];
        long now = Second;
        for (int i = 0; i < 5000; i++)
        {
            now += random.NextInt64(2 * limit.Interval) * random.Next(2);
            if (limiter.Take(null, now, out long delay) > 0) continue;
            Assert.InRange(delay, 0, limit.LongestDelay);
            uses.Add(now + delay);
        }

        // By their times of use they are as those of a limit that has so many at once only; and all in the order in which they came.
        RateLimiter strict = new(new RateLimit { Requests = requests, Seconds = seconds, Burst = after });
        Assert.All(uses, use => Assert.Equal(0, strict.Take(null, use, out _)));
        Assert.Equal(uses.Order(), uses);
        Assert.Contains(uses.Zip(uses.Skip(1)), pair => pair.Second - pair.First == limit.Interval);
    }

    [Theory]
    [InlineData(9, 1, 3, 3, 1)]
    [InlineData(10, 1, 3, 200, 60)]
    [InlineData(10, 1, 7, 5142, 3600)]
    [InlineData(10, 60, 4, 150, 3600)]
    [InlineData(1, 3600, 64, 1, 3600)]
    [InlineData(1_000_000, 1, 7, 8_571_428, 60)] // more has no number
    public void APartOfARateIsRoundedDown(int requests, int seconds, int parts, int ofPart, int secondsOfPart)
    {
        RateLimit part = new RateLimit { Requests = requests, Seconds = seconds, Burst = 5 }.DividedBy(parts);
        Assert.Equal((ofPart, secondsOfPart, 5), (part.Requests, part.Seconds, part.Burst));
        Assert.True(part.IsValid);
    }

    [Fact]
    public void APartHasNoRequestWaitForLongerThanTheWhole()
    {
        RateLimit whole = new RateLimit { Requests = 1, Seconds = 1, Burst = 100 }.WithDelayAfter(10);
        Assert.Equal((70, 10), (whole.Burst, whole.DelayAfter));
        Assert.Equal((16, 10), (whole.DividedBy(10).Burst, whole.DividedBy(10).DelayAfter));
        Assert.Equal((10, 0), (whole.DividedBy(100).Burst, whole.DividedBy(100).DelayAfter));
        Assert.True(whole.IsValid && whole.DividedBy(10).IsValid && whole.DividedBy(100).IsValid);
    }

    [Fact]
    public void WithoutRoomToWaitOnlyThosePassThatNeedNot()
    {
        RateLimiter limiter = new(new RateLimit { Requests = 1, Seconds = 1, Burst = 3, DelayAfter = 1 });
        Assert.Equal(0, limiter.Take(null, Second, out long delay, mayDelay: false));
        Assert.Equal(0, delay);
        Assert.Equal(Second, limiter.Take(null, Second, out delay, mayDelay: false));
        Assert.Equal(0, delay);
        Assert.Equal(0, limiter.Take(null, Second, out delay));
        Assert.Equal(Second, delay);
    }

    [Fact]
    public void NoMorePassThanThatWhoeverAsks()
    {
        RateLimiter limiter = new(new RateLimit { Requests = 1, Seconds = 3600, Burst = 1000 });
        int passed = 0;
        Parallel.For(0, 20_000, _ =>
        {
            if (limiter.Take(null, Second, out _) == 0) Interlocked.Increment(ref passed);
        });
        Assert.Equal(1000, passed);
    }

    [Fact]
    public void EachValueHasABucketUntilThereAreTooMany()
    {
        RateLimiter limiter = new(new RateLimit { Requests = 1, Seconds = 1, Burst = 1, By = RateLimitBy.Header, Header = "x" });
        for (int i = 0; i < RateLimiter.MostBuckets; i++) Assert.Equal(0, limiter.Take((UInt128)i, Second, out _));
        Assert.Equal(Second, limiter.Take(0, Second, out _));
        Assert.Equal(0, limiter.Take(5000, Second, out _)); // shared by all further ones, and by those without a value
        Assert.Equal(Second, limiter.Take(5001, Second, out _));
        Assert.Equal(Second, limiter.Take(null, Second, out _));
        Assert.Equal(RateLimiter.MostBuckets, limiter.Count);
        Assert.Equal(0, limiter.Take(5000, 3 * Second, out _)); // those that are full again have made room
        Assert.Equal(0, limiter.Take(5001, 3 * Second, out _));
        Assert.Equal(2, limiter.Count);
    }

    [Fact]
    public void WhoInventsValuesHasAPartOfTheCountsAndOthersTheirOwn()
    {
        RateLimiter limiter = new(new RateLimit { Requests = 1, Seconds = 1, Burst = 1, By = RateLimitBy.Header, Header = "x" });
        for (int i = 0; i < 3 * RateLimiter.MostBuckets; i++) limiter.Take((UInt128)i, Second, out _, caller: 7);
        Assert.Equal(RateLimiter.MostBuckets, limiter.Count);
        for (int i = 0; i < RateLimiter.MostBuckets / 2; i++) Assert.Equal(0, limiter.Take((UInt128)(10_000 + i), Second, out _, caller: 8));
        Assert.Equal(RateLimiter.MostBuckets, limiter.Count);
        Assert.Equal(Second, limiter.Take(10_000, Second, out _, caller: 8)); // is counted still
        Assert.Equal(0, limiter.Take(20_000, Second, out _, caller: 8)); // shared by its further ones …
        Assert.Equal(Second, limiter.Take(20_001, Second, out _, caller: 8));
        Assert.Equal(0, limiter.Take(30_000, Second, out _, caller: 9)); // … and by nobody else's
        Assert.Equal(Second, limiter.Take(40_000, Second, out _, caller: 7));
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
    [InlineData(1, 1, 2, 2)]
    [InlineData(1, 1, 2, -1)]
    [InlineData(1, 1, 62, 1)]
    [InlineData(1, 3600, 2, 1)]
    public void WhatCannotBeCountedIsNoLimit(int requests, int seconds, int burst, int delayAfter = 0) =>
        Assert.False(new RateLimit { Requests = requests, Seconds = seconds, Burst = burst, DelayAfter = delayAfter }.IsValid);
}
