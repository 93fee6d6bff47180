using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests.Coexist;

/// <summary>Tunnels that are opened from the addresses of the pods that they are for: others between the nodes, who let pass what comes from pods only, see who speaks to whom.</summary>
public sealed class TunnelSourceTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    // As security groups of pods' network interfaces do, for both families: to pods' tunnels come other pods only.
    private const string OnlyPods = """
        iptables-nft -A INPUT -i eth0 -p tcp --dport 15008 ! -s 10.91.0.0/16 -j DROP
        ip6tables-nft -A INPUT -i eth0 -p tcp --dport 15008 ! -s fd91::/16 -j DROP
        """;

    [Fact]
    public async Task Who_lets_pass_what_comes_from_pods_lets_tunnels_pass()
    {
        await using var lab = await CoexistLab.CreateAsync();
        lab.Mesh.Objects.Write("mesh", CoexistLab.MeshConfig + "  tunnelSource: POD\n");
        await lab.ApplyAsync(OnlyPods);
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }

    [Theory]
    [InlineData("legacy")]
    [InlineData("nft")]
    public async Task Who_masquerades_pods_leaves_tunnels_their_source(string variant)
    {
        await using var lab = await CoexistLab.CreateAsync();
        lab.Mesh.Objects.Write("mesh", CoexistLab.MeshConfig + "  tunnelSource: POD\n");
        await lab.ApplyAsync($"""
            {OnlyPods}
            iptables-{variant} -t nat -A POSTROUTING -s 10.91.0.0/16 -o eth0 -j MASQUERADE --random-fully
            ip6tables-{variant} -t nat -A POSTROUTING -s fd91::/16 -o eth0 -j MASQUERADE --random-fully
            """);
        await lab.AssertUnchangedAsync(lab.PodToPod());
    }

    [Fact]
    public async Task The_first_tunnel_from_a_pod_is_not_translated_either()
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.ApplyAsync("iptables-nft -t nat -A POSTROUTING -s 10.91.0.0/16 -o eth0 -j MASQUERADE --random-fully");
        await lab.EnrolAsync();
        var (node, other) = (lab.Mesh.Nodes[0], lab.Mesh.Nodes[1].Place);
        IPEndPoint server = new(lab.Far.Address4, CoexistLab.Port);
        using var before = await PeerServer.ConnectAsync(lab.Client, server);
        await PingAsync(before);
        lab.Mesh.Objects.Write("mesh", CoexistLab.MeshConfig + "  tunnelSource: POD\n");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(10) * LabWait.Patience);
        for (var isPod = false; !isPod;)
        {
            Assert.False(deadline.IsCancellationRequested, "tunnels still come from the node");
            isPod = (await node.StatusAsync()).TunnelSource.IsPod;
            using var since = await PeerServer.ConnectAsync(lab.Client, server);
            await PingAsync(since, before);
        }

        Assert.Equal([node.Place.Address4, lab.Client.Address4], (await TunnelPeersAsync(other)).OrderBy(a => a.Equals(lab.Client.Address4)));
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_rule_about_a_pod_has_tunnels_come_from_pods_as_long_as_it_is_there_and_ends_none(TestFamily family)
    {
        await using var lab = await CoexistLab.CreateAsync();
        await lab.EnrolAsync();
        var (client, server) = (MeshFixture.AddressOf(lab.Client, family), new IPEndPoint(MeshFixture.AddressOf(lab.Far, family), CoexistLab.Port));
        var (node, other) = (lab.Mesh.Nodes[0], lab.Mesh.Nodes[1].Place);
        var nodeAddress = MeshFixture.AddressOf(node.Place, family);
        var ip = family == TestFamily.IPv4 ? "ip" : "ip -6";
        using var before = await PeerServer.ConnectAsync(lab.Client, server);
        await PingAsync(before);
        Assert.Equal([nodeAddress], await TunnelPeersAsync(other));

        await node.Place.ScriptAsync($"{ip} rule add pref 1536 from {client} table 2");
        await LabWait.UntilAsync("the rule leads nowhere", async () => (await node.StatusAsync()).TunnelSource is { IsPod: false, Reasons: [var reason] } && reason.EndsWith("to table 2, which has no route", StringComparison.Ordinal), Deadline);

        // Once more, with a route, of which nobody tells: the rule does.
        await node.Place.ScriptAsync($"{ip} rule del pref 1536; {ip} route add {server.Address} via {MeshFixture.AddressOf(other, family)} table 2; {ip} rule add pref 1536 from {client} table 2");
        await LabWait.UntilAsync("the rule is a reason", async () => (await node.StatusAsync()).TunnelSource is { IsPod: true, Reasons: [var reason] } && reason == $"rule 1536 leads what comes from {client} to table 2", Deadline);
        using var since = await PeerServer.ConnectAsync(lab.Client, server);
        await PingAsync(since, before);
        Assert.Equal([nodeAddress, client], (await TunnelPeersAsync(other)).OrderBy(a => a.Equals(client)));
        Assert.Equal(1, (await node.MetricsAsync()).Sum("culvert_tunnel_source", "source=\"pod\""));

        await node.Place.ScriptAsync($"{ip} rule del pref 1536");
        await LabWait.UntilAsync("the rule is gone", async () => !(await node.StatusAsync()).TunnelSource.IsPod, Deadline);
        int fromPod = (await TunnelsAsync(other)).Count(client.Equals);
        using var after = await PeerServer.ConnectAsync(lab.Client, server);
        await PingAsync(after, since, before);
        Assert.Equal(fromPod, (await TunnelsAsync(other)).Count(client.Equals));
    }

    private static Task PingAsync(params IEnumerable<Socket> sockets) => Task.WhenAll(sockets.Select(s => PeerServer.PingAsync(s, Deadline)));

    private static async Task<IReadOnlyList<IPAddress>> TunnelPeersAsync(LabNode node) => [.. (await TunnelsAsync(node)).Distinct()];

    // From where the tunnels were opened that a node has accepted.
    private static async Task<IReadOnlyList<IPAddress>> TunnelsAsync(LabNode node) =>
        [.. (await node.ScriptAsync("ss -Htn state established '( sport = :15008 )'")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => IPEndPoint.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3]).Address).Select(a => a.IsIPv4MappedToIPv6 ? a.MapToIPv4() : a)];
}
