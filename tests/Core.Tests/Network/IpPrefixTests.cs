using System.Net;

namespace Culvert.Core.Tests;

public sealed class IpPrefixTests
{
    [Theory]
    [InlineData("10.0.0.0/8", "10.255.0.1", true)]
    [InlineData("10.0.0.0/8", "11.0.0.1", false)]
    [InlineData("0.0.0.0/0", "255.1.2.3", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("::/0", "10.0.0.1", false)]
    [InlineData("10.0.0.0/8", "::ffff:10.0.0.1", true)]
    [InlineData("fd00:1::/32", "fd00:1:2::3", true)]
    [InlineData("fd00:1::/32", "fd00:2::", false)]
    [InlineData("192.0.2.7", "192.0.2.7", true)]
    [InlineData("192.0.2.7", "192.0.2.6", false)]
    public void ContainsAddressesWithinOnly(string prefix, string address, bool contained) =>
        Assert.Equal(contained, IpPrefix.Parse(prefix).Contains(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.0.0.1/8", "write 10.0.0.0/8")]
    [InlineData("10.0.0.0/33", "0..32")]
    [InlineData("::/129", "0..128")]
    [InlineData("10.1/8", "not an IP")]
    [InlineData("010.0.0.0/8", "not an IP")]
    [InlineData("fe80::1%eth0/64", "not an IP")]
    [InlineData("", "not an IP")]
    [InlineData("a/b/c", "not an IP")]
    [InlineData("10.0.0.0/-1", "0..32")]
    [InlineData("10.0.0.0/", "0..32")]
    public void RejectsBadPrefixesWithReason(string text, string expected)
    {
        Assert.False(IpPrefix.TryParse(text, out _, out string? error));
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void NestsAndWritesBytes()
    {
        IpPrefix wide = IpPrefix.Parse("10.0.0.0/8"), narrow = IpPrefix.Parse("10.1.0.0/16");
        Assert.True(wide.Contains(narrow) && wide.Contains(wide) && !narrow.Contains(wide));
        Assert.Equal(wide, narrow.Shorten(8));
        Span<byte> bytes = stackalloc byte[16];
        Assert.Equal(4, narrow.WriteBytes(bytes));
        Assert.Equal([10, 1, 0, 0], bytes[..4].ToArray());
        Assert.Equal(16, IpPrefix.Parse("fd00::/8").WriteBytes(bytes));
        Assert.Equal("fd00::/8", IpPrefix.Parse("fd00::/8").ToString());
    }
}
