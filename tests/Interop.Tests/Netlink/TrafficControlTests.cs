using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

/// <summary>Queueing disciplines, filters and rules by incoming link, as tc and ip make them.</summary>
public sealed class TrafficControlTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    [Fact]
    public void QdiscsAndFiltersAreListed()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        LinkInfo link = left.CreateVeth(new VethOptions { Name = "a0", PeerName = "b0", Up = true });
        Assert.Empty(left.GetFilters(link.Index, TcDirection.Ingress));

        Tc(pair, "qdisc add dev a0 root tbf rate 4mbit burst 5k latency 20ms");
        Tc(pair, "qdisc add dev a0 clsact");
        Tc(pair, "filter add dev a0 ingress prio 7 protocol ip u32 match u8 0 0");

        Qdisc[] qdiscs = [.. left.GetQdiscs().Where(q => q.InterfaceIndex == link.Index)];
        Assert.Equal(["clsact", "tbf"], qdiscs.Select(q => q.Kind).Order(StringComparer.Ordinal));
        Assert.Equal(Qdisc.RootParent, qdiscs.Single(q => q.Kind == "tbf").Parent);
        TrafficFilter filter = Assert.Single(left.GetFilters(link.Index, TcDirection.Ingress), f => f.Handle == 0x80000800);
        Assert.Equal(("u32", 7, null), (filter.Kind, filter.Priority, filter.ProgramId));
        Assert.Empty(left.GetFilters(link.Index, TcDirection.Egress));
    }

    [Fact]
    public async Task TheMonitorTellsOfQdiscs()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        left.CreateVeth(new VethOptions { Name = "a0", PeerName = "b0" });
        using NetlinkMonitor monitor = NetlinkMonitor.Open(pair.Left);
        Tc(pair, "qdisc add dev a0 clsact");
        using CancellationTokenSource stop = new(Deadline);

        await Task.Run(() =>
        {
            while (!monitor.Read(stop.Token).Any(e => e.Kind == NetlinkEventKind.TrafficControlChanged))
            {
            }
        });
    }

    [Fact]
    public void RulesByIncomingLinkAreListedWhateverTheyDo()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        Run("ip", $"-n {pair.LeftName} rule add pref 10 iif a0 table 7");
        Run("ip", $"-n {pair.LeftName} rule add pref 11 iif b0 prohibit");
        Run("ip", $"-n {pair.LeftName} rule add pref 12 fwmark 1 table 7");
        Run("ip", $"-n {pair.LeftName} -6 rule add pref 13 iif lo table 7");

        Assert.Equal(
            [new RuleInput(AddressFamily.InterNetwork, 10, "a0", 7), new RuleInput(AddressFamily.InterNetwork, 11, "b0", null), new RuleInput(AddressFamily.InterNetworkV6, 13, "lo", 7)],
            left.GetRuleInputs());
    }

    [Fact]
    public void RulesAboutSingleSourcesAreListed()
    {
        using NamespacePair pair = new();
        using RouteNetlink left = RouteNetlink.Open(pair.Left);
        Run("ip", $"-n {pair.LeftName} rule add pref 10 from 10.0.0.1 table 7");
        Run("ip", $"-n {pair.LeftName} rule add pref 11 from 10.0.0.0/24 table 7");
        Run("ip", $"-n {pair.LeftName} rule add pref 12 from 10.0.0.2 prohibit");
        Run("ip", $"-n {pair.LeftName} rule add pref 13 from 10.0.0.3 table 1000");
        foreach (string condition in (string[])["iif a0", "oif a0", "to 10.1.0.0/16", "fwmark 1", "dport 80", "ipproto tcp", "tos 4"]) Run("ip", $"-n {pair.LeftName} rule add pref 20 from 10.0.0.4 {condition} table 7");
        Run("ip", $"-n {pair.LeftName} rule add pref 21 not from 10.0.0.4 table 7");
        Run("ip", $"-n {pair.LeftName} -6 rule add pref 14 from fd00::1 table main");

        Assert.Equal(
            [new RuleSource(10, IPAddress.Parse("10.0.0.1"), 7), new RuleSource(13, IPAddress.Parse("10.0.0.3"), 1000), new RuleSource(14, IPAddress.Parse("fd00::1"), 254)],
            left.GetRuleSources());
    }

    private static void Tc(NamespacePair pair, string arguments) => Run("tc", $"-n {pair.LeftName} {arguments}");

    private static void Run(string program, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {arguments}: {error}");
    }
}
