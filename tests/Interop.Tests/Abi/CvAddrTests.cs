using System.Net;
using Culvert.Interop.Abi;

namespace Culvert.Interop.Tests.Abi;

public sealed class CvAddrTests
{
    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("0.0.0.0", true)]
    [InlineData("fd00::1:2", false)]
    public void AddressesComeBackAsTheyWere(string text, bool isIPv4)
    {
        IPAddress address = IPAddress.Parse(text);
        CvAddr packed = CvAddr.From(address);
        Assert.Equal(address, packed.ToIPAddress());
        Assert.Equal(isIPv4, packed.IsIPv4);
        Assert.False(packed.IsZero);
        Assert.Equal(packed, CvAddr.From(IPAddress.Parse(text)));
        Assert.Equal(packed.GetHashCode(), CvAddr.From(IPAddress.Parse(text)).GetHashCode());
    }

    [Fact]
    public void DifferentAddressesDiffer()
    {
        Assert.True(CvAddr.From(IPAddress.Loopback) != CvAddr.From(IPAddress.IPv6Loopback));
        Assert.True(default(CvAddr).IsZero);
    }
}
