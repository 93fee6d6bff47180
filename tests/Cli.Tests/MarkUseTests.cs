using Culvert.Cli.Checks.Network;

namespace Culvert.Cli.Tests;

/// <summary>Which bits of packets' marks rules use is read from their text, in the words of nft and of iptables.</summary>
public sealed class MarkUseTests
{
    [Theory]
    [InlineData("meta mark & 0x00000030 == 0x00000010 accept", 0x30)]
    [InlineData("mark and 0x4000 != 0x4000 return", 0x4000)]
    [InlineData("meta mark 0x00000001 counter accept", 0xffffffff)]
    [InlineData("meta mark != 0x00000001 drop", 0xffffffff)]
    [InlineData("meta mark set 0x00000010", 0xffffffff)]
    [InlineData("meta mark set meta mark | 0x00004000", 0x4000)]
    [InlineData("meta mark set mark or 0x4000 ct mark set mark", 0xffffffff)]
    [InlineData("meta mark set meta mark & 0xffffffcf", 0x30)]
    [InlineData("meta mark set (meta mark & 0xffff3fff) | 0x00004000", 0xc000)]
    [InlineData("meta mark set meta mark ^ 0x00004000", 0x4000)]
    [InlineData("meta mark set ct mark & 0x00000030", 0xffffffff)]
    [InlineData("ct mark & 0x00000030 == 0x00000010 accept", 0)]
    [InlineData("ct mark set 0x00000010", 0)]
    [InlineData("socket mark 0x00000010 accept", 0)]
    [InlineData("ip saddr 10.0.0.1 tcp dport 80 accept", 0)]
    [InlineData("meta mark", 0xffffffff)]
    public void Rules_of_nftables(string text, uint bits) => Assert.Equal(bits, MarkUse.BitsOf(new FilterRule("nft", "inet t", "c", text)));

    [Theory]
    [InlineData("-A C -m mark --mark 0x10/0x30 -j ACCEPT", 0x30)]
    [InlineData("-A C -m mark ! --mark 0x4000/0x4000 -j RETURN", 0x4000)]
    [InlineData("-A C -m mark --mark 0x1 -j ACCEPT", 0xffffffff)]
    [InlineData("-A C -j MARK --set-xmark 0x4000/0x4000", 0x4000)]
    [InlineData("-A C -j MARK --set-xmark 0x4000/0x0", 0x4000)]
    [InlineData("-A C -j MARK --set-mark 0x10", 0xffffffff)]
    [InlineData("-A C -j MARK --or-mark 0x20", 0x20)]
    [InlineData("-A C -j MARK --and-mark 0xffffffcf", 0x30)]
    [InlineData("-A C -j MARK --xor-mark 0x10", 0x10)]
    [InlineData("-A C -m connmark --mark 0x10/0x30 -j ACCEPT", 0)]
    [InlineData("-A C -j CONNMARK --set-xmark 0x10/0x30", 0)]
    [InlineData("-A C -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80", 0x80)]
    [InlineData("-A C -j CONNMARK --save-mark", 0xffffffff)]
    [InlineData("-A C -p tcp -j TPROXY --on-port 15001 --on-ip 127.0.0.1 --tproxy-mark 0x10/0x10", 0x10)]
    [InlineData("-A C -m connmark --mark 0x10 -m mark --mark 0x20/0x20 -j DROP", 0x20)]
    [InlineData("-A C -p tcp -j ACCEPT", 0)]
    [InlineData("-A C -m mark --mark", 0)]
    public void Rules_of_iptables(string text, uint bits) => Assert.Equal(bits, MarkUse.BitsOf(new FilterRule("iptables-save", "mangle", "C", text)));
}
