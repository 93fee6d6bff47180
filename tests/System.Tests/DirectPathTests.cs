using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;
using Culvert.Tests.Shared;

namespace Culvert.SystemTests;

/// <summary>What the node's own rules and shaping say of packets between its pods holds for pods of the mesh as well, and where there are none, packets go straight.</summary>
[Collection(AloneCollection.Name)]
public sealed partial class DirectPathTests(DirectPathFixture mesh) : IClassFixture<DirectPathFixture>, IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    // Of rules of iptables-legacy nobody tells: the agent looks for them.
    private static readonly TimeSpan LegacyDeadline = TimeSpan.FromSeconds(45);

    public async ValueTask InitializeAsync() => await WaitAsync(redirects: true, Deadline);

    public async ValueTask DisposeAsync()
    {
        await mesh.Node.Place.RunAsync("nft", ["delete table inet cvtest"]);
        foreach (var tool in new[] { "iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy" })
            await mesh.Node.Place.RunAsync(tool, ["-F", "FORWARD"]);
        foreach (var pod in new[] { mesh.Client, mesh.Server })
            await mesh.Node.Place.RunAsync("tc", ["qdisc", "del", "dev", pod.HostInterface, "root"]);
        mesh.Mesh.Objects.Write("mesh", MeshObjects.Mesh());
        await WaitAsync(redirects: true, LegacyDeadline);
    }

    [Theory]
    [InlineData("nft")]
    [InlineData("iptables-nft")]
    [InlineData("iptables-legacy")]
    public async Task What_the_node_drops_between_pods_is_dropped_between_those_of_the_mesh(string tool)
    {
        await AddDropAsync(tool);
        foreach (var family in Enum.GetValues<TestFamily>())
        {
            await AssertDroppedAsync(tool, family, mesh.PlainClient, mesh.PlainServer, MeshFixture.AddressOf(mesh.PlainServer, family), DirectPathFixture.Port);
        }

        await WaitAsync(redirects: false, LegacyDeadline);
        foreach (var family in Enum.GetValues<TestFamily>())
        {
            await AssertDroppedAsync(tool, family, mesh.Client, mesh.Server, MeshFixture.AddressOf(mesh.Server, family), DirectPathFixture.Port);
            await AssertDroppedAsync(tool, family, mesh.Client, mesh.Server, DirectPathFixture.Virtual(family), DirectPathFixture.ServicePort);
        }

        await RemoveDropAsync(tool);
        await WaitAsync(redirects: true, LegacyDeadline);
        var before = await PacketsAsync("direct");
        foreach (var family in Enum.GetValues<TestFamily>())
        {
            await ExchangeAsync(family, DirectPathFixture.Virtual(family), DirectPathFixture.ServicePort);
            await ExchangeAsync(family, MeshFixture.AddressOf(mesh.Server, family), DirectPathFixture.Port);
        }

        Assert.True(await PacketsAsync("direct") > before, "nothing went straight");
    }

    /// <summary>What refuses packets between two pods other than by the rules of the packet filter at forward.</summary>
    [Theory]
    [InlineData("prohibit", "rule 100: from ")]
    [InlineData("table", "to table 77")]
    [InlineData("mark", "rule 100: mark 0x5/0xffffffff prohibit")]
    [InlineData("marked table", "ip nat pre sets marks")]
    [InlineData("ipsec", "IPsec policy fwd block from ")]
    [InlineData("nat", "ip nat refuse has a rule with 'drop'")]
    public async Task What_the_nodes_routing_refuses_between_pods_is_refused_between_those_of_the_mesh(string by, string reason)
    {
        (LabPod From, LabPod To)[] pairs = [(mesh.PlainClient, mesh.PlainServer), (mesh.Client, mesh.Server)];
        foreach (var (from, to) in pairs) await AssertReachedAsync(from, to);
        foreach (var (from, to) in pairs)
        {
            await RefuseAsync(by, "-4", "ip", from.Address4, to.Address4);
            await RefuseAsync(by, "-6", "ip6", from.Address6, to.Address6);
        }
        try
        {
            await WaitAsync(redirects: false, Deadline);
            Assert.Contains((await mesh.Node.StatusAsync()).DirectPath.Reasons, r => r.Contains(reason, StringComparison.Ordinal));
            foreach (var (from, to) in pairs)
                foreach (var family in Enum.GetValues<TestFamily>()) await AssertRefusedAsync(from, MeshFixture.AddressOf(to, family), to, family, DirectPathFixture.Port);
            foreach (var family in Enum.GetValues<TestFamily>()) await AssertRefusedAsync(mesh.Client, DirectPathFixture.Virtual(family), mesh.Server, family, DirectPathFixture.ServicePort);
        }
        finally
        {
            await mesh.Node.Place.ScriptAsync("""
                for f in -4 -6; do
                  while ip $f rule del pref 100 2> /dev/null; do :; done
                  ip $f route flush table 77 2> /dev/null || :
                done
                ip xfrm policy flush
                for f in ip ip6; do nft delete table $f nat 2> /dev/null || :; done
                """);
        }

        await WaitAsync(redirects: true, Deadline);
        var before = await PacketsAsync("direct");
        foreach (var (from, to) in pairs) await AssertReachedAsync(from, to);
        Assert.True(await PacketsAsync("direct") > before, "nothing went straight");
    }

    [Fact]
    public async Task A_pod_from_whose_link_the_node_forwards_nothing_is_left_out()
    {
        await mesh.Node.Place.ScriptAsync($"for i in {mesh.Client.HostInterface} {mesh.PlainClient.HostInterface}; do echo 0 > /proc/sys/net/ipv4/conf/$i/forwarding; done");
        try
        {
            await LabWait.UntilAsync("the pod is left out", async () => (await ReasonAsync(mesh.Client)).Contains("forwarding", StringComparison.Ordinal), LegacyDeadline);
            await AssertRefusedAsync(mesh.PlainClient, mesh.PlainServer.Address4, mesh.PlainServer, TestFamily.IPv4, DirectPathFixture.Port);
            await AssertRefusedAsync(mesh.Client, mesh.Server.Address4, mesh.Server, TestFamily.IPv4, DirectPathFixture.Port);
            await AssertReachedAsync(mesh.Other, mesh.Server);
        }
        finally
        {
            await mesh.Node.Place.ScriptAsync($"for i in {mesh.Client.HostInterface} {mesh.PlainClient.HostInterface}; do echo 1 > /proc/sys/net/ipv4/conf/$i/forwarding; done");
        }

        await LabWait.UntilAsync("the pod is not left out any more", async () => (await ReasonAsync(mesh.Client)).Length == 0, LegacyDeadline);
    }

    [Fact]
    public async Task A_rule_by_incoming_interface_is_a_reason_and_rules_that_accept_are_none()
    {
        await mesh.Node.Place.ScriptAsync("nft -f - <<E\nadd table inet cvtest\nadd chain inet cvtest fwd1 { type filter hook forward priority 0; policy accept; }\nadd rule inet cvtest fwd1 ct state established accept\nE");
        await mesh.Node.Place.ScriptAsync($"ip rule add pref 60 iif {mesh.Client.HostInterface} table 777");
        try
        {
            await LabWait.UntilAsync("the rule is a reason", async () => (await mesh.Node.StatusAsync()).DirectPath.Reasons is [var only] && only.Contains("rule 60", StringComparison.Ordinal), Deadline);
        }
        finally
        {
            await mesh.Node.Place.ScriptAsync("ip rule del pref 60");
        }

        await WaitAsync(redirects: true, Deadline);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Shaping_at_a_pods_interface_holds_for_it_while_others_go_straight(bool atServer)
    {
        var shaped = atServer ? mesh.Server : mesh.Client;
        await mesh.Node.Place.ScriptAsync($"tc qdisc add dev {shaped.HostInterface} root tbf rate 8mbit burst 32k latency 100ms");
        await LabWait.UntilAsync("the pod is left out", async () => (await ReasonAsync(shaped)).Contains("tbf", StringComparison.Ordinal), Deadline);

        // What the shaped pod receives is shaped: a server's requests, a client's answers.
        var forwarded = await PacketsAsync("host-stack");
        await using var server = PeerServer.Start(mesh.Server, mesh.Server.Address4, PeerServer.EchoAsync);
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        var watch = Stopwatch.StartNew();
        const int Bytes = 1_000_000;
        var sending = PeerServer.SendAllAsync(client, new byte[Bytes]);
        for (var left = Bytes; left > 0;) left -= await client.ReceiveAsync(new byte[65536]).WaitAsync(TimeSpan.FromSeconds(30));
        await sending;
        Assert.InRange(Bytes * 8 / watch.Elapsed.TotalSeconds, 1e6, 12e6);
        Assert.True(await PacketsAsync("host-stack") > forwarded, "nothing was forwarded");

        Assert.True((await mesh.Node.StatusAsync()).DirectPath.Redirects);
        Assert.Equal("", await ReasonAsync(mesh.Other));
        var before = await PacketsAsync("direct");
        await using var other = PeerServer.Start(mesh.Other, mesh.Other.Address4, PeerServer.EchoAsync);
        using var straight = await PeerServer.ConnectAsync(atServer ? mesh.Client : mesh.Server, other.EndPoint);
        Assert.True(await PacketsAsync("direct") > before, "nothing went straight");
    }

    [Fact]
    public async Task Settings_have_everything_forwarded_and_flows_begun_keep_their_way()
    {
        await using var server = PeerServer.Start(mesh.Server, mesh.Server.Address4, PeerServer.EchoAsync);
        using var begun = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        mesh.Mesh.Objects.Write("mesh", MeshObjects.Mesh() + "  directPath: HOST_STACK\n");
        await WaitAsync(redirects: false, Deadline);

        // A few packets may be the last of connections before.
        double before = await PacketsAsync("host-stack"), straight = await PacketsAsync("direct");
        for (var i = 0; i < 10; i++) await EchoAsync(begun);
        straight = await PacketsAsync("direct") - straight;
        Assert.InRange(straight, 100, double.MaxValue);
        Assert.InRange(await PacketsAsync("host-stack") - before, 0, straight / 4);
        before = await PacketsAsync("host-stack");
        foreach (var family in Enum.GetValues<TestFamily>())
        {
            await ExchangeAsync(family, DirectPathFixture.Virtual(family), DirectPathFixture.ServicePort);
            await ExchangeAsync(family, MeshFixture.AddressOf(mesh.Server, family), DirectPathFixture.Port);
        }

        Assert.True(await PacketsAsync("host-stack") > before, "nothing was forwarded");
        Assert.Equal(1, (await mesh.Node.MetricsAsync()).Sum("culvert_direct_path", "mode=\"host-stack\"", "reason=\"configured\""));
    }

    private Task AddDropAsync(string tool) => tool == "nft"
        ? mesh.Node.Place.ScriptAsync(string.Create(CultureInfo.InvariantCulture, $$"""
            nft -f - <<E
            add table inet cvtest
            add chain inet cvtest refuse { type filter hook forward priority 0; policy accept; }
            add rule inet cvtest refuse meta l4proto { tcp, udp } th dport {{DirectPathFixture.Port}} counter drop
            E
            """))
        : mesh.Node.Place.ScriptAsync(string.Join('\n', Commands(tool).Select(c => string.Create(CultureInfo.InvariantCulture, $"{c} -A FORWARD -p tcp --dport {DirectPathFixture.Port} -j DROP\n{c} -A FORWARD -p udp --dport {DirectPathFixture.Port} -j DROP"))));

    private Task RemoveDropAsync(string tool) =>
        mesh.Node.Place.ScriptAsync(tool == "nft" ? "nft delete table inet cvtest" : string.Join('\n', Commands(tool).Select(c => $"{c} -F FORWARD")));

    private static string[] Commands(string tool) => [tool, tool.Replace("iptables", "ip6tables", StringComparison.Ordinal)];

    private Task RefuseAsync(string by, string option, string family, IPAddress from, IPAddress to) => mesh.Node.Place.ScriptAsync(by switch
    {
        "prohibit" => $"ip {option} rule add pref 100 from {from} to {to} prohibit",
        "table" => $"ip {option} rule add pref 100 from {from} lookup 77; ip {option} route add prohibit {to} table 77",
        "mark" => $"ip {option} rule add pref 100 fwmark 5 prohibit 2> /dev/null || :; {Chain("pre", "nat", "prerouting", "meta mark set 5", family, from, to)}",
        "marked table" => $"ip {option} rule add pref 100 fwmark 5 lookup 77 2> /dev/null || :; ip {option} route replace prohibit default table 77; {Chain("pre", "nat", "prerouting", "meta mark set 5", family, from, to)}",
        "ipsec" => $"ip xfrm policy add src {from} dst {to} dir fwd action block",
        "nat" => Chain("refuse", "filter", "forward", "drop", family, from, to),
        _ => throw new ArgumentException(by),
    });

    // In a table of that name, which others look at as one for translating addresses.
    private static string Chain(string name, string type, string hook, string verdict, string family, IPAddress from, IPAddress to) =>
        $"nft -f - <<E\nadd table {family} nat\nadd chain {family} nat {name} {{ type {type} hook {hook} priority -100; }}\nadd rule {family} nat {name} {family} saddr {from} {family} daddr {to} {verdict}\nE";

    private async Task AssertReachedAsync(LabPod from, LabPod to)
    {
        foreach (var family in Enum.GetValues<TestFamily>())
        {
            await using var server = PeerServer.Start(to, MeshFixture.AddressOf(to, family), PeerServer.EchoAsync, DirectPathFixture.Port);
            using var client = await PeerServer.ConnectAsync(from, new IPEndPoint(MeshFixture.AddressOf(to, family), DirectPathFixture.Port));
        }
    }

    private static async Task AssertRefusedAsync(LabPod from, IPAddress address, LabPod to, TestFamily family, int port)
    {
        await using var server = PeerServer.Start(to, MeshFixture.AddressOf(to, family), PeerServer.EchoAsync, DirectPathFixture.Port);
        var error = await Assert.ThrowsAnyAsync<Exception>(() => PeerServer.ConnectAsync(from, new IPEndPoint(address, port), seconds: 2));
        Assert.True(error is OperationCanceledException or SocketException { SocketErrorCode: SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.AccessDenied }, error.ToString());
    }

    // How many packets the node has dropped so far.
    private async Task<long> DroppedAsync(string tool)
    {
        if (tool == "nft") return PacketCount().Matches(await mesh.Node.Place.ScriptAsync("nft list chain inet cvtest refuse")).Sum(m => long.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture));
        long sum = 0;
        foreach (var command in Commands(tool))
        {
            sum += (await mesh.Node.Place.ScriptAsync($"{command} -nvxL FORWARD")).Split('\n').Where(l => l.Contains(" DROP ", StringComparison.Ordinal))
                .Sum(l => long.Parse(l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0], CultureInfo.InvariantCulture));
        }

        return sum;
    }

    private async Task AssertDroppedAsync(string tool, TestFamily family, LabPod from, LabPod to, IPAddress address, int port)
    {
        await using var server = PeerServer.Start(to, MeshFixture.AddressOf(to, family), PeerServer.EchoAsync, DirectPathFixture.Port);
        var before = await DroppedAsync(tool);
        var connecting = PeerServer.ConnectAsync(from, new IPEndPoint(address, port), seconds: 1);
        await LabWait.UntilAsync($"a SYN to {address} is dropped", async () => await DroppedAsync(tool) > before, Deadline);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);

        using var receiver = UdpPeer.Bind(to, family, DirectPathFixture.Port);
        using var sender = UdpPeer.Connect(from, new IPEndPoint(address, port));
        before = await DroppedAsync(tool);
        await LabWait.UntilAsync(
            $"a datagram from {sender.LocalEndPoint} to {address} is dropped",
            async () =>
            {
                // A datagram may be lost anywhere, so it is sent again; that none arrives is for the rule alone.
                await sender.SendAsync(new byte[10]);
                return await DroppedAsync(tool) > before || receiver.Available > 0;
            },
            Deadline);
        Assert.Equal(0, receiver.Available);
    }

    private async Task ExchangeAsync(TestFamily family, IPAddress address, int port)
    {
        await using (var server = PeerServer.Start(mesh.Server, MeshFixture.AddressOf(mesh.Server, family), PeerServer.EchoAsync, DirectPathFixture.Port))
        {
            using var client = await PeerServer.ConnectAsync(mesh.Client, new IPEndPoint(address, port));
            await EchoAsync(client);
            client.Shutdown(SocketShutdown.Send);
            Assert.Empty(await PeerServer.ReceiveAllAsync(client));
        }

        await using var echo = UdpPeer.StartEcho(mesh.Server, family, DirectPathFixture.Port);
        using var socket = UdpPeer.Connect(mesh.Client, new IPEndPoint(address, port));
        await UdpPeer.ExchangeAsync(socket, new byte[3000]);
    }

    private static async Task EchoAsync(Socket client)
    {
        const int Bytes = 1 << 20;
        var sending = PeerServer.SendAllAsync(client, new byte[Bytes]);
        for (var left = Bytes; left > 0;) left -= await client.ReceiveAsync(new byte[65536]).WaitAsync(Deadline);
        await sending;
    }

    private Task WaitAsync(bool redirects, TimeSpan deadline) => LabWait.UntilAsync(
        $"packets {(redirects ? "go straight" : "are forwarded")}", async () => (await mesh.Node.StatusAsync()).DirectPath is { } path && path.Redirects == redirects && path.Reasons.Count == 0 == redirects, deadline, mesh.Node.Agent);

    private async Task<string> ReasonAsync(LabPod pod) => (await mesh.Node.StatusAsync()).Workloads.Single(w => w.Interface == pod.HostInterface).HostStackReason;

    private async Task<double> PacketsAsync(string path) => (await mesh.Node.MetricsAsync()).Sum("culvert_datapath_packets_total", $"path=\"{path}\"");

    [GeneratedRegex(@"counter packets (\d+)")]
    private static partial Regex PacketCount();
}
