using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class BoundPortsTests
{
    [Fact]
    public void ThereIsAMostAndWhatIsGivenBackIsThereAgain()
    {
        BoundPorts ports = new(2);
        Assert.True(ports.TryTake(null));
        Assert.True(ports.TryTake(null));
        Assert.False(ports.TryTake(null));
        ports.GiveBack(null);
        Assert.True(ports.TryTake(null));
        Assert.False(ports.TryTake(null));
    }

    [Theory]
    [InlineData(28_232, 4096)]
    [InlineData(4000, 1000)]
    [InlineData(3, 1)]
    [InlineData(0, 1)]
    public void ThreeQuartersOfThePortsAreLeftToOthers(int ports, int most) => Assert.Equal(most, BoundPorts.MostOf(ports));

    [Theory]
    [InlineData("32768\t60999\n", 32_768, 60_999)]
    [InlineData("10000 64999", 10_000, 64_999)]
    [InlineData("", 32_768, 60_999)]
    [InlineData("1 2 3", 32_768, 60_999)]
    [InlineData("-1 70000", 32_768, 60_999)]
    public void ARangeIsReadAsTheKernelWritesIt(string text, int first, int last)
    {
        LocalPortRange range = LocalPortRange.Parse(text);
        Assert.Equal((first, last), (range.First, range.Last));
        Assert.True(range.Contains((ushort)first) && range.Contains((ushort)last) && !range.Contains((ushort)(first - 1)) && !range.Contains((ushort)(last + 1)));
        Assert.Equal(last - first + 1, range.Count);
    }
}
