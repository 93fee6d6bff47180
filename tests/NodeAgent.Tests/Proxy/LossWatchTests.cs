using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class LossWatchTests
{
    [Theory]
    [InlineData(1000, 0, 1000, 0, false)]
    [InlineData(1000, 19, 1000, 19, false)]
    [InlineData(1000, 20, 0, 0, true)]
    [InlineData(0, 0, 1000, 20, true)]
    [InlineData(99, 50, 99, 50, false)]
    [InlineData(1, 2, 100, 0, true)]
    public void OneInFiftyOfEnoughIsALossyWay(uint sent, uint repeated, uint received, uint outOfOrder, bool expected) =>
        Assert.Equal(expected, new LossWatch().Look(new SegmentCounts(sent, repeated, received, outOfOrder), 0));

    [Fact]
    public void FewSegmentsAreTakenTogetherWithThoseThatFollow()
    {
        LossWatch watch = new();
        Assert.False(watch.Look(new SegmentCounts(60, 2, 0, 0), 1000));
        Assert.True(watch.Look(new SegmentCounts(120, 4, 0, 0), 2000));
    }

    [Fact]
    public void AWayIsLossyForAMinuteAfterItsLastLosses()
    {
        LossWatch watch = new();
        Assert.True(watch.Look(new SegmentCounts(1000, 50, 0, 0), 1000));
        Assert.True(watch.Look(new SegmentCounts(2000, 50, 0, 0), 60_999));
        Assert.False(watch.Look(new SegmentCounts(3000, 50, 0, 0), 61_000));
    }

    [Fact]
    public void CountersThatWrapAreNoLosses()
    {
        LossWatch watch = new();
        _ = watch.Look(new SegmentCounts(uint.MaxValue - 10, uint.MaxValue, uint.MaxValue - 10, uint.MaxValue), 0);
        Assert.False(watch.Look(new SegmentCounts(990, 1, 990, 1), 100_000));
    }
}
