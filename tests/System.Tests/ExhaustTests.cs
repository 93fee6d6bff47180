using System.Globalization;
using System.Net;
using Culvert.Cli.Labs;
using Culvert.Datapath.Tests.Support;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Shares of the flow table driven to their end by real packets: other pods' requests go on. What the proxy's limits are is in <see cref="DescriptorAttackTests"/>.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class ExhaustTests(LinkAttackFixture mesh) : IAsyncLifetime
{
    private const int Batch = 5000;
    private const int MostHalfOpen = 8192;
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
        var (own, outside) = (MeshFixture.AddressOf(mesh.Guest, family), MeshFixture.AddressOf(mesh.Outsider, family));
        var before = await LinkAttackFixture.DropsAsync(mesh.Node1, Quota);
        var sent = 0;
        for (double refused = 0; refused == 0; refused = await LinkAttackFixture.DropsAsync(mesh.Node1, Quota) - before)
        {
            Assert.InRange(sent, 0, 100_000);
            await FloodAsync(mesh.Guest, n => Packet.OfUdp(new IPEndPoint(own, 1024 + (n % 60_000)), new IPEndPoint(outside, 9 + (n / 60_000))), sent, Batch);
            sent += Batch;
        }

        await MoreAsync();
        var refusals = await LinkAttackFixture.DropsAsync(mesh.Node1, Quota) - before;
        await Requests.ReportAsync($"one pod's flows ({family})", Text($"{sent:N0} begun, {refusals:N0} refused as {Quota}"), _others);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Exhaust_the_flows_from_outside_that_wait_for_an_answer(TestFamily family)
    {
        const int Count = 3 * MostHalfOpen;
        await using var silent = UdpPeer.StartSink(mesh.Lax, family);
        var outside = MeshFixture.AddressOf(mesh.Outsider, family);
        await FloodAsync(mesh.Outsider, n => Packet.OfUdp(new IPEndPoint(outside, 1024 + n), silent.EndPoint, 1), 0, Count);
        await LabWait.UntilAsync("they have arrived", () => silent.Received > MostHalfOpen, TimeSpan.FromSeconds(10));

        await MoreAsync();
        await Requests.ReportAsync($"flows from outside without an answer ({family})", Text($"{Count:N0} begun, {MostHalfOpen:N0} places"), _others);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static async Task FloodAsync(LabNamespace from, Func<int, Packet> packet, int first, int count)
    {
        for (var at = first; at < first + count; at += 1000)
        {
            await RawPackets.SendAsync(from, [.. Enumerable.Range(at, Math.Min(1000, first + count - at)).Select(packet)]);
        }
    }

    private Task MoreAsync() => Task.WhenAll(_others.Select(r => r.MoreAsync(20)));
}
