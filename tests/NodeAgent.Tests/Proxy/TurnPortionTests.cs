using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>How many bytes of a tunnel are taken on at a time.</summary>
public sealed class TurnPortionTests
{
    private const int Room = 128 * 1024;

    [Fact]
    public void ItIsLittleUntilThePeerIsKnown() => Assert.Equal(TurnPortion.Least, TurnPortion.First.Of(Room));

    [Fact]
    public void ItIsWhatThereIsRoomForWhileThatIsLittleWork() =>
        Assert.Equal(Room, Grown().After(Room, TimeSpan.FromMicroseconds(499)).Of(Room));

    [Theory]
    [InlineData(50, 1310)]
    [InlineData(1, 65_536)]
    [InlineData(5000, TurnPortion.Least)]
    public void ItIsWhatTakesHalfAMillisecond(double milliseconds, int expected) =>
        Assert.Equal(expected, Grown().After(Room, TimeSpan.FromMilliseconds(milliseconds)).Of(Room));

    [Fact]
    public void ItGrowsOnceTheWorkIsLessAgain()
    {
        TurnPortion portion = Grown().After(Room, TimeSpan.FromSeconds(5));
        Assert.Equal(TurnPortion.Least, portion.After(TurnPortion.Least - 1, TimeSpan.Zero).Of(Room));
        Assert.Equal(TurnPortion.Least, portion.After(TurnPortion.Least, TimeSpan.FromMilliseconds(0.3)).Of(Room));
        Assert.Equal(Room, Grown(portion).Of(Room));
    }

    /// <summary>Once it did not, and bulk data was written to applications in pieces of 16 KiB for as long as a tunnel lived.</summary>
    [Theory]
    [InlineData(16_384)]
    [InlineData(8_000)]
    [InlineData(4_096)]
    public void ItGrowsFromAnySizeWithRecordsOfAnySize(int record)
    {
        for (int start = TurnPortion.Least; start < Room; start += 1111)
        {
            TurnPortion portion = Grown().After(Room, TimeSpan.FromMilliseconds(0.5 * Room / start));
            for (int i = 0; i < 12; i++)
            {
                int filled = 0;
                while (!portion.IsFull(filled, Room)) filled += Math.Min(record, portion.Of(Room) - filled);
                portion = portion.After(filled, TimeSpan.Zero);
            }
            Assert.Equal(Room, portion.Of(Room));
        }
    }

    private static TurnPortion Grown(TurnPortion? first = null)
    {
        TurnPortion portion = first ?? TurnPortion.First;
        for (int i = 0; i < 40; i++) portion = portion.After(portion.Of(Room), TimeSpan.Zero);
        return portion;
    }
}
