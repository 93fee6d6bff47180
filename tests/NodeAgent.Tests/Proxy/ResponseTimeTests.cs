using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>How long a backend takes to answer, as it is remembered.</summary>
public sealed class ResponseTimeTests
{
    private readonly ResponseTime _time = new();

    [Fact]
    public void ALongerTimeCountsAtOnceAndAShorterOneByAndBy()
    {
        Assert.Equal(0, _time.At(0));
        _time.Add(1000, 0);
        Assert.Equal(1000, _time.At(0), 1e-3);
        _time.Add(50_000, 1);
        Assert.Equal(50_000, _time.At(1), 1);
        _time.Add(1000, 2);
        Assert.InRange(_time.At(2), 49_000, 50_000);
        for (int at = 3; at < 60_000; at++) _time.Add(1000, at);
        Assert.InRange(_time.At(60_000), 999, 1200);
    }

    [Fact]
    public void OneThatIsNotAskedIsForgottenByAndBy()
    {
        _time.Add(1_000_000, 0);
        Assert.InRange(_time.At(10_000), 360_000, 370_000);
        Assert.InRange(_time.At(120_000), 1, 10);
    }

    [Theory]
    [InlineData(uint.MaxValue - 5000L)] // 49 days after a start, where the lower half begins anew
    [InlineData(long.MaxValue - 20_000)]
    public void ItIsTheSameAtEveryMoment(long now)
    {
        _time.Add(2_000_000, now);
        Assert.InRange(_time.At(now + 10_000), 720_000, 740_000);
        Assert.Equal(2_000_000, _time.At(now - 3), 1); // another thread was ahead
    }

    [Fact]
    public void ManyThreadsLoseNone()
    {
        Parallel.For(0, 10_000, i => _time.Add(i, 7));
        Assert.Equal(9999, _time.At(7), 1);
    }
}
