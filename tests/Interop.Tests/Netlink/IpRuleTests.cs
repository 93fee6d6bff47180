using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

/// <summary>Rules as ip(8) makes them, read in whole.</summary>
public sealed class IpRuleTests
{
    [Theory]
    [InlineData("pref 10 iif a0 table 7", "10: from link a0 to table 7")]
    [InlineData("pref 11 iif b0 prohibit", "11: from link b0 prohibit")]
    [InlineData("pref 12 from 10.91.1.2 to 10.91.1.3 prohibit", "12: from 10.91.1.2/32 to 10.91.1.3/32 prohibit")]
    [InlineData("pref 12 from fd91::2 to fd91::3 blackhole", "IPv6 12: from fd91::2/128 to fd91::3/128 blackhole")]
    [InlineData("pref 13 from 10.91.1.77/24 oif a0 unreachable", "13: from 10.91.1.0/24 to link a0 unreachable")]
    [InlineData("pref 14 not fwmark 0xca6c table 51820", "14: not mark 0xca6c/0xffffffff to table 51820")]
    [InlineData("pref 15 fwmark 0/0x80 table 7", "15: mark 0x0/0x80 to table 7")]
    [InlineData("pref 16 l3mdev", "16: to tables of virtual routers")]
    [InlineData("pref 17 uidrange 0-7 tos 4 sport 9 ipproto udp dport 53 goto 32766", "17: protocol 17 port 53 and more go to 32766, of table 0")]
    [InlineData("pref 18 table main suppress_prefixlength 0", "18: to table 254")]
    public void RulesAreReadInWhole(string rule, string text)
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        Add(pair, text, rule);
        Assert.Equal(text, left.GetRules().Single(r => r.Priority is >= 10 and < 20).ToString());
    }

    [Theory]
    [InlineData("table main", true)]
    [InlineData("table main suppress_prefixlength 0", false)]
    [InlineData("table main suppress_ifgroup 7", false)]
    [InlineData("table 7", false)]
    [InlineData("table main dport 80", false)]
    public void RulesThatLeadAllPacketsToATableAreKnown(string rule, bool all)
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        Run("ip", $"-n {pair.LeftName} rule add pref 18 {rule}");
        Assert.Equal(all, left.GetRules().Single(r => r.Priority == 18).LeadsAllTo(IpRoute.MainTable));
    }

    /// <summary>Routes that are not taken by all packets, or by none as it came.</summary>
    [Theory]
    [InlineData("-4", "10.5.0.0/24 dev lo", false, false)]
    [InlineData("-4", "10.5.0.0/24 dev lo tos 4", true, false)]
    [InlineData("-6", "fd05::/64 from fd06::/64 dev lo", true, false)]
    [InlineData("-4", "10.5.0.0/24 encap ip id 5 dst 10.6.0.1 dev lo", false, true)]
    [InlineData("-6", "fd05::/64 encap ip6 id 5 dst fd06::1 dev lo", false, true)]
    public void RoutesWithConditionsAndThoseThatEncapsulateAreKnown(string family, string route, bool conditional, bool encapsulates)
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        Run("ip", $"-n {pair.LeftName} link set lo up");
        Run("ip", $"-n {pair.LeftName} {family} route add {route}");
        IpRoute read = left.GetRoutes().Single(r => r.Destination.ToString() == route.Split(' ')[0]);
        Assert.Equal((conditional, encapsulates), (read.IsConditional, read.Encapsulates));
    }

    [Theory]
    [InlineData(AddressFamily.InterNetwork, "10.0.0.0/24", "10.1.0.1/32")]
    [InlineData(AddressFamily.InterNetworkV6, "fd00::1/128", "fd01::/64")]
    public void RulesByAddressAndLinkAreMade(AddressFamily family, string source, string destination)
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        IpRule[] rules =
        [
            new() { Family = family, Priority = 100, Table = 0, Action = IpRuleAction.Prohibit, Source = IPNetwork.Parse(source), Destination = IPNetwork.Parse(destination) },
            new() { Family = family, Priority = 101, Table = 0, Action = IpRuleAction.Blackhole, OutputInterface = "a0" },
            new() { Family = family, Priority = 102, Table = 0, IsOfVirtualRouters = true },
        ];
        foreach (IpRule rule in rules) Assert.True(left.AddRule(rule));
        Assert.Equal(rules, left.GetRules().Where(r => r.Priority is >= 100 and <= 102));
        foreach (IpRule rule in rules) Assert.True(left.DeleteRule(rule));
    }

    [Fact]
    public void RulesAboutSingleSourcesAreKnown()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        Run("ip", $"-n {pair.LeftName} rule add pref 10 from 10.0.0.1 table 7");
        Run("ip", $"-n {pair.LeftName} rule add pref 11 from 10.0.0.0/24 table 7");
        Run("ip", $"-n {pair.LeftName} rule add pref 12 from 10.0.0.2 prohibit");
        Run("ip", $"-n {pair.LeftName} rule add pref 13 from 10.0.0.3 table 1000");
        foreach (string condition in (string[])["iif a0", "oif a0", "to 10.1.0.0/16", "fwmark 1", "fwmark 0/1", "dport 80", "ipproto tcp", "tos 4"]) Run("ip", $"-n {pair.LeftName} rule add pref 20 from 10.0.0.4 {condition} table 7");
        Run("ip", $"-n {pair.LeftName} rule add pref 21 not from 10.0.0.4 table 7");
        Run("ip", $"-n {pair.LeftName} -6 rule add pref 14 from fd00::1 table main");

        Assert.Equal(
            [(10u, IPAddress.Parse("10.0.0.1"), 7), (13u, IPAddress.Parse("10.0.0.3"), 1000), (14u, IPAddress.Parse("fd00::1"), 254)],
            left.GetRules().Where(r => r.SingleSource is not null).Select(r => (r.Priority, r.SingleSource!, r.Table)));
    }

    private static void Add(NamespacePair pair, string text, string rule) => Run("ip", $"-n {pair.LeftName}{(text.StartsWith("IPv6", StringComparison.Ordinal) ? " -6" : "")} rule add {rule}");

    private static void Run(string program, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {arguments}: {error}");
    }
}
