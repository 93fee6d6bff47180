using System.Globalization;
using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Tables of the datapath driven to their end by real packets: other pods' requests go on. What the proxy's limits are is in <see cref="DescriptorAttackTests"/>.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class ExhaustTests(LinkAttackFixture mesh) : IAsyncLifetime
{
    private const int Batch = 5000;
    private const int MostHalfOpen = 8192;
    private const int MostFragmented = 16_384;
    private const int MostSteered = 65_536;
    private readonly List<PeerServer> _servers = [];
    private readonly List<Requests> _others = [];

    public async ValueTask InitializeAsync()
    {
        // On the pod's own node, which is in the kernel, and through the tunnel, which is in the proxy.
        foreach (var pod in new[] { mesh.Near, mesh.Far })
        {
            _servers.Add(PeerServer.Start(pod, pod.Address4, PeerServer.EchoAsync));
            _others.Add(mesh.StartRequests(_servers[^1]));
            await _others[^1].MoreAsync(5);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable end in _others.Cast<IAsyncDisposable>().Concat(_servers))
        {
            await end.DisposeAsync();
        }
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Exhaust_the_flows_that_one_pod_may_begin(TestFamily family)
    {
        const string Quota = "flow-quota";
        var (own, external) = (MeshFixture.AddressOf(mesh.Guest, family), MeshFixture.AddressOf(mesh.External, family));
        var before = await LinkAttackFixture.DropsAsync(mesh.Node1, Quota);
        var sent = 0;
        for (double refused = 0; refused == 0; refused = await LinkAttackFixture.DropsAsync(mesh.Node1, Quota) - before)
        {
            Assert.InRange(sent, 0, 100_000);
            await FloodAsync(mesh.Guest, n => Packet.OfUdp(new IPEndPoint(own, 1024 + (n % 60_000)), new IPEndPoint(external, 9 + (n / 60_000))), sent, Batch);
            sent += Batch;
        }

        await MoreAsync();
        var refusals = await LinkAttackFixture.DropsAsync(mesh.Node1, Quota) - before;
        await Requests.ReportAsync($"one pod's flows ({family})", Text($"{sent:N0} begun, {refusals:N0} refused as {Quota}"), _others);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Exhaust_the_external_flows_that_wait_for_an_answer(TestFamily family)
    {
        const int Count = 3 * MostHalfOpen;
        await using var silent = UdpPeer.StartSink(mesh.Lax, family);
        var external = MeshFixture.AddressOf(mesh.External, family);
        await FloodAsync(mesh.External, n => Packet.OfUdp(new IPEndPoint(external, 1024 + n), silent.EndPoint, 1), 0, Count);
        await LabWait.UntilAsync("they have arrived", () => silent.Received > MostHalfOpen, TimeSpan.FromSeconds(10));

        await MoreAsync();
        await Requests.ReportAsync($"flows from outside without an answer ({family})", Text($"{Count:N0} begun, {MostHalfOpen:N0} places"), _others);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Exhaust_the_datagrams_whose_other_fragments_are_awaited(TestFamily family)
    {
        const int Count = 3 * MostFragmented;
        await using var echo = UdpPeer.StartEcho(mesh.Lax, family);
        var external = MeshFixture.AddressOf(mesh.External, family);
        var whole = Packet.OfUdp(new IPEndPoint(external, 5000), echo.EndPoint, 64);
        var first = whole.BuildIp()[(whole.IsV6 ? 40 : 20)..][..32];
        var before = await PassedAsync();
        await FloodAsync(mesh.External, n => whole with { FragmentId = (uint)n + 1, MoreFragments = true, Piece = first }, 0, Count);
        await LabWait.UntilAsync("they have gone through the programs", async () => await PassedAsync() - before > MostFragmented, TimeSpan.FromSeconds(10));

        await MoreAsync();

        // Other pods': what the flooded pod's own kernel gathers is full, as it would be without the mesh.
        await using var near = UdpPeer.StartEcho(mesh.Near, family);
        using var honest = UdpPeer.Connect(mesh.Client, near.EndPoint);
        await UdpPeer.ExchangeAsync(honest, new byte[6000]);

        await Requests.ReportAsync($"datagrams in fragments ({family})", Text($"{Count:N0} begun, {MostFragmented:N0} places"), _others);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Exhaust_the_ways_of_datagrams_to_the_proxy(TestFamily family)
    {
        const int Count = MostSteered + Batch;
        await using var echo = UdpPeer.StartEcho(mesh.Far, family);
        using var honest = UdpPeer.Connect(mesh.Client, echo.EndPoint);
        await UdpPeer.ExchangeAsync(honest, new byte[100]);

        // Of another address than the outsider's own, whose share other tests need.
        IPAddress external = IPAddress.Parse(family == TestFamily.IPv4 ? "192.0.2.9" : "2001:db8::9"), behind = MeshFixture.AddressOf(mesh.Behind, family);
        var before = await FailedSessionsAsync();
        await FloodAsync(mesh.External, n => Packet.OfUdp(new IPEndPoint(external, 1024 + (n % 60_000)), new IPEndPoint(behind, LinkAttackFixture.Asking - (n / 60_000)), 1), 0, Count);

        await MoreAsync();
        await UdpPeer.ExchangeAsync(honest, new byte[100]);
        var refused = await FailedSessionsAsync() - before;
        Assert.True(refused > 0);
        await Requests.ReportAsync($"ways of datagrams to the proxy ({family})", Text($"{Count:N0} begun, {MostSteered:N0} places, {refused:N0} refused by the proxy"), _others);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Exhaust_the_external_connections_that_are_half_open(TestFamily family)
    {
        const int Count = 3 * MostHalfOpen;
        await using var server = PeerServer.Start(mesh.Lax, MeshFixture.AddressOf(mesh.Lax, family), PeerServer.EchoOnceAsync);

        // From addresses that nobody has: what the pod answers goes nowhere. And one honest client from outside, whose connections need the same places.
        var nobody = IPAddress.Parse(family == TestFamily.IPv4 ? "192.0.2.10" : "2001:db8::10");
        _others.Add(Requests.Start(mesh.External, server.EndPoint));
        await _others[^1].MoreAsync(5);
        var before = await PassedAsync();
        await FloodAsync(mesh.External, n => Packet.OfTcp(new IPEndPoint(nobody, 1024 + n), server.EndPoint, TcpFlags.Syn), 0, Count);
        await LabWait.UntilAsync("they have gone through the programs", async () => await PassedAsync() - before > MostHalfOpen, TimeSpan.FromSeconds(10));

        await MoreAsync();
        await Requests.ReportAsync($"connections from outside that are half open ({family})", Text($"{Count:N0} begun, {MostHalfOpen:N0} places"), _others);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Exhaust_the_sessions_of_datagrams_that_one_pod_may_have(TestFamily family)
    {
        await using var echo = UdpPeer.StartEcho(mesh.Far, family);
        IPAddress own = MeshFixture.AddressOf(mesh.Greedy, family), behind = MeshFixture.AddressOf(mesh.Behind, family);
        var before = await FailedSessionsAsync();
        var sent = 0;
        for (; await FailedSessionsAsync() == before; sent += Batch)
        {
            Assert.InRange(sent, 0, 200_000);
            await FloodAsync(mesh.Greedy, n => Packet.OfUdp(new IPEndPoint(own, 1024 + (n % 60_000)), new IPEndPoint(behind, LinkAttackFixture.Asking - (n / 60_000)), 1), sent, Batch);
        }

        // Others' new sessions have room.
        await MoreAsync();
        using var honest = UdpPeer.Connect(mesh.Client, echo.EndPoint);
        await UdpPeer.ExchangeAsync(honest, new byte[100]);
        var refused = await FailedSessionsAsync() - before;
        await Requests.ReportAsync($"one pod's sessions of datagrams ({family})", Text($"{sent:N0} begun, {refused:N0} refused by the proxy"), _others);
    }

    [Fact]
    public async Task Exhaust_the_table_of_Services()
    {
        const int Services = 40, Ports = 1000;
        var ports = string.Join(", ", Enumerable.Range(1, Ports).Select(p => Text($"{{name: p{p}, port: {p}}}")));
        mesh.Mesh.Objects.Write("many", string.Join("\n---\n", Enumerable.Range(1, Services).Select(i => Text($"apiVersion: v1\nkind: Service\nmetadata: {{name: many-{i}, namespace: greedy}}\nspec: {{clusterIP: 10.99.0.{i}, ports: [{ports}]}}"))));
        try
        {
            foreach (var node in mesh.Mesh.Nodes)
            {
                await LabWait.UntilAsync("they are closed", () => AreClosedAsync(node), TimeSpan.FromSeconds(20));
                Assert.Empty((await node.StatusAsync()).SnapshotError);
            }

            await MoreAsync();
            await Requests.ReportAsync("the table of Services", Text($"{Services * Ports:N0} ports of Services in one namespace"), _others);
        }
        finally
        {
            mesh.Mesh.Objects.Remove("many");
        }

        // What fits comes into force at once.
        foreach (var node in mesh.Mesh.Nodes)
        {
            await LabWait.UntilAsync("they are not closed", async () => !await AreClosedAsync(node), TimeSpan.FromSeconds(20));
        }

        static async Task<bool> AreClosedAsync(MeshNode node) => (await node.StatusAsync()).Problems.Any(p => p.Reason.Contains("the Services of namespace 'greedy', this one and all others, are closed", StringComparison.Ordinal));
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static async Task FloodAsync(LabNamespace from, Func<int, Packet> packet, int first, int count)
    {
        for (var at = first; at < first + count; at += 1000)
        {
            await RawPackets.SendAsync(from, [.. Enumerable.Range(at, Math.Min(1000, first + count - at)).Select(packet)]);
        }
    }

    private async Task<double> PassedAsync() => (await mesh.Node1.MetricsAsync()).Sum("culvert_datapath_packets_total", "path=\"pass\"");

    private async Task<double> FailedSessionsAsync() => (await mesh.Node1.MetricsAsync()).Sum("culvert_udp_sessions_failed_total");

    private Task MoreAsync() => Task.WhenAll(_others.Select(r => r.MoreAsync(20)));
}
