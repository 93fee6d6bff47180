using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Labs;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Real connections and datagrams between two pods of one node that the kernel forwards as it does for pods outside the mesh.</summary>
public sealed class HostStackTests : IClassFixture<LiveWorld>
{
    private const long Megabyte = 1 << 20;
    private readonly LiveWorld _world;

    public HostStackTests(LiveWorld world)
    {
        _world = world;
        _world.Maps.Direct = CvDirect.HostStack;
        _world.Reset();
    }

    [Theory, InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public async Task A_connection_carries_bulk_both_ways_at_once(bool v6, bool service)
    {
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, WorldContent.BackendPort));
        ulong redirected = _world.Maps.Counter(CvCounter.DirectPackets), forwarded = _world.Maps.Counter(CvCounter.HostStackPackets), drops = Total();
        IPEndPoint to = service ? LiveWorld.Vip(v6) : _world.B.At(v6, WorldContent.BackendPort);
        using (Socket client = await Peer.Connect(_world.PodA, to))
        using (Socket server = await listener.AcceptAsync(Peer.Deadline()))
        {
            Assert.Equal(_world.A.Address(v6), ((IPEndPoint)server.RemoteEndPoint!).Address);
            await Peer.ExchangeAsync(client, server, 64 * Megabyte);
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await server.ReceiveAsync(new byte[1], Peer.Deadline()));
            await Peer.SendAsync(server, Megabyte);
            server.Shutdown(SocketShutdown.Send);
            await Peer.ReceiveAsync(client, Megabyte);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], Peer.Deadline()));
        }
        CvEvent closed = _world.Await(e => e.Type == (byte)CvEventType.Closed);
        Assert.InRange(closed.BytesOut, (ulong)(64 * Megabyte), (ulong)(68 * Megabyte));
        Assert.InRange(closed.BytesIn, (ulong)(65 * Megabyte), (ulong)(69 * Megabyte));
        Assert.Equal(drops, Total());
        await LabWait.UntilAsync("the flow's entries go", () => _world.Maps.Flows.ToList().Count == 0, TimeSpan.FromSeconds(5));
        Assert.True(_world.Maps.Counter(CvCounter.HostStackPackets) - forwarded > 100);
        Assert.Equal(redirected, _world.Maps.Counter(CvCounter.DirectPackets));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_closed_port_answers_for_itself(bool v6)
    {
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, _world.B.At(v6, 81)));
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, LiveWorld.Vip(v6)));
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(DatagramTests.Sizes), MemberType = typeof(DatagramTests))]
    public async Task Datagrams_of_any_size_go_both_ways(bool v6, int size)
    {
        ulong before = _world.Maps.Counter(CvCounter.HostStackPackets);
        await ExternalTests.EchoAsync(_world.PodA, _world.PodB, _world.B.At(v6, 80), size);
        await ExternalTests.EchoAsync(_world.PodA, _world.PodB, _world.B.At(v6, WorldContent.BackendPort), size, LiveWorld.Vip(v6));
        Assert.True(_world.Maps.Counter(CvCounter.HostStackPackets) - before >= (ulong)(4 * Math.Max(1, size / 1480)));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_closed_port_for_datagrams_is_reported_by_the_address_that_was_asked(bool v6)
    {
        foreach (IPEndPoint to in (IPEndPoint[])[_world.B.At(v6, 81), LiveWorld.Vip(v6)])
        {
            using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
            await client.ConnectAsync(to);
            Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(client));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task What_the_node_has_no_route_for_does_not_arrive(bool v6)
    {
        string family = v6 ? "-6" : "-4";
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, 80));
        await _world.Node.ScriptAsync($"ip {family} rule add pref 50 iif {_world.PodA.HostInterface} to {_world.B.Address(v6)} prohibit");
        try
        {
            SocketException e = await Assert.ThrowsAsync<SocketException>(() => Peer.Connect(_world.PodA, _world.B.At(v6, 80)));
            Assert.Contains(e.SocketErrorCode, (SocketError[])[SocketError.HostUnreachable, SocketError.AccessDenied, SocketError.NetworkUnreachable]);
        }
        finally
        {
            await _world.Node.ScriptAsync($"ip {family} rule del pref 50");
        }
        (await Peer.Connect(_world.PodA, _world.B.At(v6, 80))).Dispose();
    }

    private ulong Total() => _world.Maps.Drops().Aggregate(0ul, (sum, n) => sum + n);
}
