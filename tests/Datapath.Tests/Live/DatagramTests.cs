using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Datagrams between two pods of one node: fragments, ICMP errors, and veths of different sizes.</summary>
public sealed class DatagramTests : IClassFixture<LiveWorld>
{
    private const int SolIp = 0, IpMtuDiscover = 10, SolIpV6 = 41, IpV6MtuDiscover = 23, Always = 2;
    private readonly LiveWorld _world;

    public DatagramTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, int> Sizes => new() { { false, 100 }, { true, 100 }, { false, 1473 }, { true, 1453 }, { false, 9000 }, { true, 9000 }, { false, 60000 }, { true, 60000 } };

    [Theory, MemberData(nameof(Sizes))]
    public async Task Datagrams_of_any_size_go_both_ways(bool v6, int size)
    {
        ulong before = _world.Maps.Counter(CvCounter.DirectPackets);
        await ExternalTests.EchoAsync(_world.PodA, _world.PodB, _world.B.At(v6, 80), size);
        await ExternalTests.EchoAsync(_world.PodA, _world.PodB, _world.B.At(v6, WorldContent.BackendPort), size, LiveWorld.Vip(v6));
        Assert.True(_world.Maps.Counter(CvCounter.DirectPackets) - before >= (ulong)(4 * Math.Max(1, size / 1480)));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_closed_port_is_reported_by_the_address_that_was_asked(bool v6)
    {
        foreach (IPEndPoint to in (IPEndPoint[])[_world.B.At(v6, 81), LiveWorld.Vip(v6)])
        {
            using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
            await client.ConnectAsync(to);
            Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(client));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_receiver_with_a_smaller_veth_gets_fragments_or_the_sender_is_told(bool v6)
    {
        await ResizeAsync(_world.PodB, _world.B, 1280);
        try
        {
            if (!v6) await FragmentsAsync();
            using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
            client.SetRawSocketOption(v6 ? SolIpV6 : SolIp, v6 ? IpV6MtuDiscover : IpMtuDiscover, BitConverter.GetBytes(Always));
            await client.ConnectAsync(LiveWorld.Vip(v6));
            await client.SendAsync(new byte[1400]);
            SocketException e = await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[10], Peer.Deadline()));
            Assert.Equal(SocketError.MessageSize, e.SocketErrorCode);
            await ExternalTests.EchoAsync(_world.PodA, _world.PodB, _world.B.At(v6, WorldContent.BackendPort), 1400, LiveWorld.Vip(v6));
        }
        finally
        {
            await ResizeAsync(_world.PodB, _world.B, 1500);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_client_with_a_smaller_veth_gets_large_answers_of_a_service(bool v6)
    {
        await ResizeAsync(_world.PodA, _world.A, 1280);
        try
        {
            using Socket echo = Peer.Datagrams(_world.PodB, _world.B.At(v6, WorldContent.BackendPort));
            using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
            await client.ConnectAsync(LiveWorld.Vip(v6));
            await Assert.ThrowsAsync<OperationCanceledException>(async () => await RoundTripOnceAsync(client, echo));
            await ExternalTests.RoundTripAsync(client, echo, 1400);
        }
        finally
        {
            await ResizeAsync(_world.PodA, _world.A, 1500);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Streams_run_between_veths_of_different_sizes(bool v6)
    {
        await ResizeAsync(_world.PodA, _world.A, 9000);
        await ResizeAsync(_world.PodB, _world.B, 1280);
        try
        {
            ulong before = _world.Maps.Counter(CvCounter.PassPackets);
            using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, WorldContent.BackendPort));
            using Socket client = await Peer.Connect(_world.PodA, LiveWorld.Vip(v6));
            using Socket server = await listener.AcceptAsync(Peer.Deadline());
            await Peer.ExchangeAsync(client, server, 16 << 20);
            Assert.Equal(before, _world.Maps.Counter(CvCounter.PassPackets));
        }
        finally
        {
            await ResizeAsync(_world.PodA, _world.A, 1500);
            await ResizeAsync(_world.PodB, _world.B, 1500);
        }
    }

    /// <summary>Datagrams that may be fragmented on the way, in both directions.</summary>
    private async Task FragmentsAsync()
    {
        using Socket echo = Peer.Datagrams(_world.PodB, _world.B.At(false, WorldContent.BackendPort));
        using Socket client = Peer.Open(_world.PodA, false, SocketType.Dgram);
        client.SetRawSocketOption(SolIp, IpMtuDiscover, BitConverter.GetBytes(0));
        await client.ConnectAsync(LiveWorld.Vip(false));
        await ExternalTests.RoundTripAsync(client, echo, 1400);
    }

    /// <summary>The first answer is lost to "packet too big"; that tells the backend how large the next may be.</summary>
    private static async Task RoundTripOnceAsync(Socket client, Socket echo)
    {
        byte[] buffer = new byte[2000];
        await client.SendAsync(new byte[1200]);
        SocketReceiveFromResult got = await echo.ReceiveFromAsync(buffer, new IPEndPoint(Peer.IsV6((IPEndPoint)client.LocalEndPoint!) ? IPAddress.IPv6Any : IPAddress.Any, 0), Peer.Deadline());
        await echo.SendToAsync(new byte[1400], got.RemoteEndPoint, Peer.Deadline());
        await client.ReceiveAsync(buffer, new CancellationTokenSource(TimeSpan.FromMilliseconds(300)).Token);
    }

    private async Task ResizeAsync(Labs.LabPod pod, Workload workload, int mtu)
    {
        await _world.Node.ScriptAsync($"ip link set {pod.HostInterface} mtu {mtu}");
        await pod.ScriptAsync($"ip link set eth0 mtu {mtu}");
        workload.Mtu = (uint)mtu;
        _world.Reset();
    }
}
