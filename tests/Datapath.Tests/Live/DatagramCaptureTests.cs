using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Live;

/// <summary>
/// Datagrams that the programs hand to the proxy's sockets, through the kernel's own checks of lengths and sums. The test plays the proxy.
/// </summary>
public sealed class DatagramCaptureTests : IClassFixture<LiveWorld>
{
    private const int SolSocket = 1, SoNoCheck = 11, SolUdp = 17, UdpSegment = 103, SolIp = 0, IpHeaderIncluded = 3, Slots = 4;
    private readonly LiveWorld _world;

    public DatagramCaptureTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool> Families => [false, true];

    public static TheoryData<bool, bool> FamiliesAndOffload => new() { { false, true }, { true, true }, { false, false }, { true, false } };

    private IPEndPoint To(bool v6) => new(_world.X(v6), 5353);

    [Theory, MemberData(nameof(FamiliesAndOffload))]
    public async Task Datagrams_of_every_size_reach_the_proxy_whole(bool v6, bool offload)
    {
        _world.EnrolX(v6);
        await Offload(offload);
        using Proxy proxy = new(_world, v6);
        using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
        client.Bind(_world.A.At(v6, 40000));
        await client.ConnectAsync(To(v6));
        int whole = v6 ? 1452 : 1472;
        foreach (int size in (int[])[0, 1, 2, 17, 500, whole - 1, whole, whole + 1, 4001, 20000, v6 ? 65487 : 65507])
        {
            byte[] payload = Packet.Pattern(size);
            await client.SendAsync(payload, Peer.Deadline());
            (ProxyHeader? header, byte[] got, IPEndPoint from, IPAddress to) = await proxy.ReceiveAsync(plain: size > whole);
            Assert.Equal(payload, got);
            Assert.Equal((_world.A.At(v6, 40000), _world.X(v6)), (from, to));
            Assert.Equal(size > whole, header is null);
            if (header is null) continue;
            Assert.Equal((from, To(v6)), (header.From, header.To));
            Assert.Equal((_world.A.Class, _world.A.Index, LiveWorld.Generation, 0u), header.Endpoint);
        }
        Assert.Equal(0, proxy.Waiting);
        await Offload(true);
    }

    [Theory, InlineData(1280), InlineData(9000), InlineData(60_000)]
    public async Task Datagrams_of_every_size_arrive_whole_over_links_of_every_size(int mtu)
    {
        await using LiveWorld world = new() { Mtu = mtu };
        await world.InitializeAsync();
        foreach (bool v6 in (bool[])[false, true])
        {
            world.EnrolX(v6);
            using Proxy proxy = new(world, v6);
            using Socket client = Peer.Open(world.PodA, v6, SocketType.Dgram);
            await client.ConnectAsync(new IPEndPoint(world.X(v6), 5353));
            int ip = v6 ? 48 : 28, whole = Math.Min(mtu, 12_000) - ip;
            foreach (int size in (int[])[0, 1000, whole - 1, whole, whole + 1, mtu - ip, mtu - ip + 1, v6 ? 65487 : 65507])
            {
                byte[] payload = Packet.Pattern(size);
                await client.SendAsync(payload, Peer.Deadline());
                (ProxyHeader? header, byte[] got, _, _) = await proxy.ReceiveAsync(plain: size > whole);
                Assert.Equal(payload, got);
                Assert.Equal(size > whole, header is null);
            }
        }
    }

    [Theory, MemberData(nameof(FamiliesAndOffload))]
    public async Task Super_packets_reach_the_proxy_without_a_header(bool v6, bool offload)
    {
        _world.EnrolX(v6);
        await Segmentation(offload);
        using Proxy proxy = new(_world, v6);
        using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
        client.SetRawSocketOption(SolUdp, UdpSegment, BitConverter.GetBytes(500));
        await client.ConnectAsync(To(v6));
        byte[] payload = Packet.Pattern(20_250);
        await client.SendAsync(payload, Peer.Deadline());
        List<byte> got = [];
        for (int i = 0; i < 41; i++)
        {
            (ProxyHeader? header, byte[] part, IPEndPoint from, _) = await proxy.ReceiveEitherAsync();
            Assert.Equal(client.LocalEndPoint, from);
            Assert.Equal(i == 40 ? 250 : 500, part.Length);
            Assert.Equal(offload, header is null); // without offload the pod's own kernel makes datagrams of it
            got.AddRange(part);
        }
        Assert.Equal(payload, got);
        await Segmentation(true);
    }

    [Fact]
    public async Task A_datagram_without_a_sum_arrives()
    {
        _world.EnrolX(false);
        using Proxy proxy = new(_world, false);
        using Socket client = Peer.Open(_world.PodA, false, SocketType.Dgram);
        client.SetRawSocketOption(SolSocket, SoNoCheck, BitConverter.GetBytes(1));
        await client.ConnectAsync(To(false));
        foreach (int size in (int[])[3, 1472, 5000])
        {
            await client.SendAsync(Packet.Pattern(size), Peer.Deadline());
            Assert.Equal(Packet.Pattern(size), (await proxy.ReceiveAsync(plain: size > 1472)).Payload);
        }
    }

    [Fact]
    public async Task A_datagram_with_a_wrong_sum_is_for_nobody_and_one_with_a_right_sum_arrives()
    {
        _world.EnrolX(false);
        using Proxy proxy = new(_world, false);
        using Socket client = LiveWorld.In(_world.PodA, () => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Udp));
        client.SetRawSocketOption(SolIp, IpHeaderIncluded, BitConverter.GetBytes(1));
        Packet datagram = Packet.OfUdp(_world.A.At(false, 40000), To(false), 100);
        byte[] wrong = datagram.Build()[14..], right = (datagram with { SourcePort = 40001 }).Build()[14..];
        wrong[^1] ^= 1;
        long before = await CounterAsync("UdpInCsumErrors");
        await client.SendToAsync(wrong, new IPEndPoint(_world.X(false), 0));
        await client.SendToAsync(right, new IPEndPoint(_world.X(false), 0));
        (ProxyHeader? header, byte[] payload, _, _) = await proxy.ReceiveAsync(plain: false);
        Assert.Equal(40001, header!.From.Port);
        Assert.Equal(datagram.Payload, payload);
        Assert.Equal(0, proxy.Waiting);
        Assert.Equal(before + 1, await CounterAsync("UdpInCsumErrors"));
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Every_datagram_of_a_flow_meets_the_same_loop_whatever_its_way(bool v6)
    {
        _world.EnrolX(v6);
        using Proxy proxy = new(_world, v6, Slots);
        HashSet<int> used = [];
        for (int port = 41000; port < 41016; port++)
        {
            using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
            client.Bind(_world.A.At(v6, port));
            await client.ConnectAsync(To(v6));
            int loop = -1;
            foreach (int size in (int[])[10, 4000, 20])
            {
                await client.SendAsync(Packet.Pattern(size), Peer.Deadline());
                int at = await proxy.LoopOfNextAsync();
                if (loop >= 0) Assert.Equal(loop, at);
                loop = at;
            }
            used.Add(loop);
        }
        Assert.True(used.Count >= 3, $"16 flows meet {used.Count} of {Slots} loops");
    }

    [Theory, MemberData(nameof(Families))]
    public async Task A_session_runs_both_ways_and_its_sockets_get_fragments_and_errors(bool v6)
    {
        _world.EnrolX(v6);
        using Proxy proxy = new(_world, v6);
        using Socket client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
        client.Bind(_world.A.At(v6, 42000));
        await client.ConnectAsync(To(v6));
        await client.SendAsync(new byte[10]);
        await proxy.ReceiveAsync(plain: false);
        using (Socket session = Peer.SpeakAs(_world, To(v6), _world.A.At(v6, 42000)))
        {
            byte[] buffer = new byte[65536];
            foreach (int size in (int[])[1, 1400, 9000, 60000])
            {
                await session.SendAsync(Packet.Pattern(size), Peer.Deadline());
                Assert.Equal(Packet.Pattern(size), buffer[..await client.ReceiveAsync(buffer, Peer.Deadline())]);
            }
            await client.SendAsync(Packet.Pattern(9000), Peer.Deadline());
            Assert.Equal(Packet.Pattern(9000), buffer[..await session.ReceiveAsync(buffer, Peer.Deadline())]);
            client.Dispose();
            Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(session));
        }
    }

    [Theory, MemberData(nameof(Families))]
    public async Task The_proxy_delivers_from_the_clients_address_and_gets_answers_from_any_port(bool v6)
    {
        _world.EnrolX(v6);
        _world.SetPod(LiveWorld.Generation, _world.B, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        using Proxy proxy = new(_world, v6, Slots);
        IPEndPoint client = new(_world.X(v6), 40000);
        using Socket delivery = Peer.SpeakAs(_world, client, _world.B.At(v6, 53));
        using Socket server = Peer.Datagrams(_world.PodB, _world.B.At(v6, 53)), other = Peer.Datagrams(_world.PodB, _world.B.At(v6, 54));
        _world.Maps.Replies.Set(Abi.Key(_world.B.At(v6, 0), client, Packet.Udp), new CvReply { Listener = 2 });
        byte[] buffer = new byte[65536];
        foreach (int size in (int[])[0, 1, 1400, 9000, 60000])
        {
            byte[] payload = Packet.Pattern(size);
            await delivery.SendAsync(payload, Peer.Deadline());
            SocketReceiveFromResult got = await server.ReceiveFromAsync(buffer, client, Peer.Deadline());
            Assert.Equal(payload, buffer[..got.ReceivedBytes]);
            Assert.Equal(client, got.RemoteEndPoint);
            await server.SendToAsync(payload, client, Peer.Deadline());
            Assert.Equal(payload, buffer[..await delivery.ReceiveAsync(buffer, Peer.Deadline())]);
            await other.SendToAsync(payload, client, Peer.Deadline());
            (ProxyHeader? header, byte[] stray, IPEndPoint from, IPAddress to, int loop) = await proxy.NextAsync();
            Assert.Equal((_world.B.At(v6, 54), client.Address, 2, true), (from, to, loop, header is null));
            Assert.Equal(payload, stray);
        }
        server.Dispose();
        Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(delivery));
    }

    /// <summary>Whether the pod leaves super-packets to the other side. Sums are left to it: older kernels make none of them otherwise.</summary>
    private async Task Segmentation(bool on) => await _world.PodA.ScriptAsync($"ethtool -K eth0 tx-udp-segmentation {(on ? "on" : "off")}");

    /// <summary>Whether the pod leaves sums to the device (and super-packets to the other side).</summary>
    private async Task Offload(bool on) => await _world.PodA.ScriptAsync($"ethtool -K eth0 tx {(on ? "on" : "off")} tx-udp-segmentation {(on ? "on" : "off")}");

    private async Task<long> CounterAsync(string name) => long.Parse(await _world.Node.ScriptAsync($"nstat -asz {name} | awk '$1 == \"{name}\" {{ print $2 }}'"), System.Globalization.CultureInfo.InvariantCulture);
}
