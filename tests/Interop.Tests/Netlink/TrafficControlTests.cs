using System.Diagnostics;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

/// <summary>Queueing disciplines and filters, as tc makes them.</summary>
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

    private static void Tc(NamespacePair pair, string arguments) => Run("tc", $"-n {pair.LeftName} {arguments}");

    private static void Run(string program, string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {arguments}: {error}");
    }
}
