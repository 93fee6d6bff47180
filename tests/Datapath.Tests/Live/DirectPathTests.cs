using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Labs;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Real connections between two pods of one node, carried by the kernel alone.</summary>
public sealed class DirectPathTests : IClassFixture<LiveWorld>
{
    private const long Megabyte = 1 << 20;
    private readonly LiveWorld _world;

    public DirectPathTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
    }

    [Theory, InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public async Task A_connection_carries_bulk_both_ways_at_once(bool v6, bool service)
    {
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, WorldContent.BackendPort));
        ulong packets = _world.Maps.Counter(CvCounter.DirectPackets), drops = Total();
        IPEndPoint to = service ? LiveWorld.Vip(v6) : _world.B.At(v6, WorldContent.BackendPort);
        using (Socket client = await Peer.Connect(_world.PodA, to))
        using (Socket server = await listener.AcceptAsync(Peer.Deadline()))
        {
            Assert.Equal(_world.A.Address(v6), ((IPEndPoint)server.RemoteEndPoint!).Address);
            Assert.Equal(to, client.RemoteEndPoint);
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
        Assert.True(_world.Maps.Counter(CvCounter.DirectPackets) - packets > 100);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_refused_connection_fails_at_once(bool v6)
    {
        _world.SetPolicy(LiveWorld.Generation, _world.B, _world.A.Class, 0, CvReason.PolicyDeny);
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, 80));
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, _world.B.At(v6, 80)));
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, LiveWorld.Vip(v6)));
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, new IPEndPoint(World.Vip(v6), 9)));
        Assert.Equal((byte)CvReason.PolicyDeny, _world.Await(e => e.Type == (byte)CvEventType.Denied).Reason);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_closed_port_answers_for_itself(bool v6)
    {
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, _world.B.At(v6, 81)));
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, LiveWorld.Vip(v6)));
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_new_policy_closes_a_live_connection(bool v6)
    {
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, 80));
        using Socket client = await Peer.Connect(_world.PodA, _world.B.At(v6, 80));
        using Socket server = await listener.AcceptAsync(Peer.Deadline());
        await Peer.ExchangeAsync(client, server, 1000);
        _world.Fill(8);
        _world.SetPolicy(8, _world.B, _world.A.Class, 80, CvReason.PolicyDeny);
        _world.Maps.Activate(8);
        await client.SendAsync(new byte[10], Peer.Deadline());
        SocketException e = await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[10], Peer.Deadline()));
        Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        Assert.NotEqual(default, _world.Await(x => x.Type == (byte)CvEventType.Closed));
        // The receiver of the refused packet hears of the end as well, though it sent nothing itself.
        e = await Assert.ThrowsAsync<SocketException>(async () => await server.ReceiveAsync(new byte[10], Peer.Deadline()));
        Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_foreign_source_address_is_dropped(bool v6)
    {
        await _world.PodA.ScriptAsync(v6 ? "ip address replace fd91:1::77/128 dev lo nodad" : "ip address replace 10.91.1.77/32 dev lo");
        IPEndPoint foreign = new(IPAddress.Parse(v6 ? "fd91:1::77" : "10.91.1.77"), 5000);
        ulong before = _world.Maps.Drops()[(int)CvReason.SpoofedSource];
        using Socket receiver = Peer.Datagrams(_world.PodB, _world.B.At(v6, 81));
        using Socket socket = Peer.Datagrams(_world.PodA, foreign);
        await socket.SendToAsync(new byte[10], _world.B.At(v6, 81), Peer.Deadline());
        Assert.Equal((byte)CvReason.SpoofedSource, _world.Await(e => e.Type == (byte)CvEventType.Dropped).Reason);
        Assert.Equal(0, receiver.Available);
        Assert.Equal(1ul, _world.Maps.Drops()[(int)CvReason.SpoofedSource] - before);
    }

    private ulong Total() => _world.Maps.Drops().Aggregate(0ul, (sum, n) => sum + n);
}
