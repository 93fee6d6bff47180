using System.Net;
using Culvert.GrpcHosting;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

/// <summary>Connections of an address in a second.</summary>
[Trait("Category", "Attack")]
public sealed class SourceRateTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void EachAddressHasItsOwnBucketThatFillsAgain()
    {
        SourceRate<IPAddress> rate = new(10, 20, _time);
        Assert.Equal(20, Taken(rate, 1, 100));
        Assert.Equal(20, Taken(rate, 2, 100));
        _time.Advance(TimeSpan.FromMilliseconds(500));
        Assert.Equal(5, Taken(rate, 1, 100));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(20, Taken(rate, 1, 100));
    }

    [Fact]
    public void VeryManyAddressesShareOneBucketUntilOthersAreForgotten()
    {
        SourceRate<IPAddress> rate = new(10, 20, _time);
        for (int i = 0; i < SourceRate<IPAddress>.MostSources; i++) Assert.Equal(1, Taken(rate, i, 1));
        Assert.Equal(20, Enumerable.Range(SourceRate<IPAddress>.MostSources, 100).Sum(i => Taken(rate, i, 1)));
        Assert.Equal(SourceRate<IPAddress>.MostSources, rate.Count);
        Assert.Equal(1, Taken(rate, 1, 1));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(20, Taken(rate, SourceRate<IPAddress>.MostSources, 100));
        Assert.Equal(1, rate.Count);
    }

    private static int Taken(SourceRate<IPAddress> rate, int source, int attempts) => Enumerable.Range(0, attempts).Count(_ => rate.TryTake(new IPAddress(0x0a000000L + source)));
}
