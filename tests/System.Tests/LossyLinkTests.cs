using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;
using Culvert.Tests.Shared;

namespace Culvert.SystemTests;

/// <summary>Datagrams over a link that loses one packet in twenty in each direction, 10 ms there and back.</summary>
[Collection(AloneCollection.Name)]
public sealed partial class LossyLinkTests
{
    private const double Loss = 0.05;

    // Of a link that loses 5 % itself. Nodes whose tunnels took loss for congestion lost 76 % of these (one port) and 51 % (32 ports), and got 97 % and more later than that.
    private const double MostLostOrLate = 0.15;
    private const double LateMilliseconds = 200;
    private const int Rate = 10_000;

    // A machine that is busy with other things delays datagrams as well, for some seconds at a time; what the nodes do wrong is wrong each time.
    private const int Attempts = 3;

    private static readonly TimeSpan Time = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData(TestFamily.IPv4, 1)]
    [InlineData(TestFamily.IPv6, 32)]
    public async Task Datagrams_between_nodes_get_through_a_link_that_loses_packets(TestFamily family, int ports)
    {
        var (mesh, client, server) = await StartAsync();
        await using var owned = mesh;

        await SucceedOnceAsync(async () =>
        {
            var ages = await DatagramAges.MeasureAsync(client, server, family, ports, Rate, Time);
            return (AreInTime(ages), ages.ToString());
        });
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Sessions_are_spread_over_tunnels_where_packets_are_lost(TestFamily family)
    {
        const int Ports = 32, Tunnels = 8, Clearly = 50_000;
        var (mesh, client, server) = await StartAsync("--loops", "1");
        await using var owned = mesh;
        var crowded = await DatagramAges.MeasureAsync(client, server, family, Ports, Rate, Time);
        await LabWait.UntilAsync("more tunnels", async () => (await SentOfTunnelsAsync(mesh.Nodes[0])).Count == Tunnels, TimeSpan.FromSeconds(30));

        // Connected is not ready: the packets of a handshake are lost as well, its last to the server too, and sessions that begin meanwhile go elsewhere.
        await LabWait.UntilAsync("their handshakes", async () => await HandshakesAsync(mesh.Nodes[1]) >= Tunnels, TimeSpan.FromSeconds(30));
        TestContext.Current.TestOutputHelper!.WriteLine($"one tunnel: {crowded}");
        await SucceedOnceAsync(async () =>
        {
            var before = await SentOfTunnelsAsync(mesh.Nodes[0]);
            var spread = await DatagramAges.MeasureAsync(client, server, family, Ports, Rate, Time);
            var after = await SentOfTunnelsAsync(mesh.Nodes[0]);

            // Those that have more of the sessions of before, which rest, get fewer; at first one may have them all and get none.
            var sent = after.Where(tunnel => before.ContainsKey(tunnel.Key)).Select(tunnel => tunnel.Value - before[tunnel.Key]).Order().ToArray();
            var isSpread = sent.Length == Tunnels && sent.Count(bytes => bytes >= Clearly) >= Tunnels - 1;
            return (isSpread && AreInTime(spread), $"{spread}; bytes sent by each tunnel: {string.Join(", ", sent)}");
        });
    }

    private static bool AreInTime(DatagramAges ages) => ages.LostOrLater(LateMilliseconds * LabWait.Patience) <= MostLostOrLate;

    private static async Task SucceedOnceAsync(Func<Task<(bool Succeeded, string Seen)>> attempt)
    {
        List<string> seen = [];
        for (var succeeded = false; !succeeded && seen.Count < Attempts;)
        {
            (succeeded, var what) = await attempt();
            TestContext.Current.TestOutputHelper!.WriteLine(what);
            seen.Add(what);
            if (!succeeded && seen.Count == Attempts) Assert.Fail(string.Join('\n', seen));
        }
    }

    private static async Task<(MeshLab Mesh, LabPod Client, LabPod Server)> StartAsync(params string[] agentArguments)
    {
        var mesh = await MeshLab.CreateAsync(new MeshLabOptions { AgentArguments = agentArguments });
        var near = await mesh.AddNodeAsync("near");
        var far = await mesh.AddNodeAsync("far", new LabWireOptions { Delay = TimeSpan.FromMilliseconds(5) });
        foreach (var node in mesh.Nodes)
        {
            // Every kernel has it and lets a namespace choose it. It slows down at each loss, as cubic does, the default of most nodes.
            await node.Place.ScriptAsync("sysctl -q -w net.ipv4.tcp_congestion_control=reno");
        }

        mesh.Objects.Write("mesh", MeshObjects.Mesh());
        MeshFixture.AllowClient(mesh);
        var client = await mesh.AddPodAsync(near, "client", "client");
        var server = await mesh.AddPodAsync(far, "server", "web");
        await MeshFixture.StartAsync(mesh);
        if (!(await near.Place.ScriptAsync("cat /proc/sys/net/ipv4/tcp_available_congestion_control")).Contains("bbr", StringComparison.Ordinal))
        {
            await mesh.DisposeAsync();
            Assert.Skip("The kernel has no bbr (module tcp_bbr), without which losses slow tunnels down.");
        }

        far.Place.Wire!.Loss = Loss;
        return (mesh, client, server);
    }

    private static async Task<double> HandshakesAsync(MeshNode node) => (await node.MetricsAsync()).Sum("culvert_tls_handshakes_total", "side=\"server\"", "result=\"ok\"");

    // Bytes sent by tunnel, named by its port at this node; ss says nothing of one that has sent none.
    private static async Task<Dictionary<int, long>> SentOfTunnelsAsync(MeshNode node)
    {
        var sockets = await node.Place.RunAsync("ss", ["-HtniO", "state", "established", "( dport = :15008 )"]);
        Assert.True(sockets.Succeeded, sockets.Error);
        return sockets.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToDictionary(
            line => IPEndPoint.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]).Port,
            line => BytesSent().Match(line) is { Success: true } sent ? long.Parse(sent.Groups[1].ValueSpan, CultureInfo.InvariantCulture) : 0);
    }

    [GeneratedRegex(@"bytes_sent:(\d+)")]
    private static partial Regex BytesSent();
}
