using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>How many bytes of a tunnel are taken on at a time.</summary>
public sealed class TunnelPortionTests
{
    private const int Room = 128 * 1024;

    [Fact]
    public void ItIsLittleUntilThePeerIsKnown() => Assert.Equal(TunnelPortion.Least, TunnelPortion.First.Of(Room));

    [Fact]
    public void ItIsWhatThereIsRoomForWhileThatIsLittleWork() =>
        Assert.Equal(Room, Grown().After(Room, TimeSpan.FromMicroseconds(499)).Of(Room));

    [Theory]
    [InlineData(50, 1310)]
    [InlineData(1, 65_536)]
    [InlineData(5000, TunnelPortion.Least)]
    public void ItIsWhatTakesHalfAMillisecond(double milliseconds, int expected) =>
        Assert.Equal(expected, Grown().After(Room, TimeSpan.FromMilliseconds(milliseconds)).Of(Room));

    [Fact]
    public void ItGrowsOnceTheWorkIsLessAgain()
    {
        TunnelPortion portion = Grown().After(Room, TimeSpan.FromSeconds(5));
        Assert.Equal(TunnelPortion.Least, portion.After(TunnelPortion.Least - 1, TimeSpan.Zero).Of(Room));
        Assert.Equal(TunnelPortion.Least, portion.After(TunnelPortion.Least, TimeSpan.FromMilliseconds(0.3)).Of(Room));
        Assert.Equal(Room, Grown(portion).Of(Room));
    }

    private static TunnelPortion Grown(TunnelPortion? first = null)
    {
        TunnelPortion portion = first ?? TunnelPortion.First;
        for (int i = 0; i < 40; i++) portion = portion.After(portion.Of(Room), TimeSpan.Zero);
        return portion;
    }
}
