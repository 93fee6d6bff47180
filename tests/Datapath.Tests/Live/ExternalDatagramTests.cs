using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;

namespace Culvert.Datapath.Tests.Live;

/// <summary>
/// Plain traffic from a machine outside the mesh to workload B, which is behind the proxy: at TC alone, and with the XDP programs in the driver
/// and behind it. The test plays the proxy.
/// </summary>
public sealed class ExternalDatagramTests : IClassFixture<LiveWorld>
{
    private readonly LiveWorld _world;

    public ExternalDatagramTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
        _world.SetPod(LiveWorld.Generation, _world.B, CvAddressFlag.Proxy);
    }

    /// <summary>Where a header is put in.</summary>
    public enum HeaderPlace
    {
        /// <summary>At TC; there is no XDP.</summary>
        Tc,

        /// <summary>In the driver.</summary>
        Native,

        /// <summary>At TC, behind XDP that only refuses.</summary>
        Generic,
    }

    public static TheoryData<bool, HeaderPlace> Places
    {
        get
        {
            TheoryData<bool, HeaderPlace> places = [];
            foreach (HeaderPlace place in Enum.GetValues<HeaderPlace>())
            {
                places.Add(false, place);
                places.Add(true, place);
            }
            return places;
        }
    }

    private AttachedLink? Attach(HeaderPlace place) => place == HeaderPlace.Tc ? null : _world.AttachXdp(place == HeaderPlace.Native ? XdpMode.Native : XdpMode.Generic);

    [Theory, MemberData(nameof(Places))]
    public async Task Datagrams_of_every_size_reach_the_proxy_whole_and_answers_go_back(bool v6, HeaderPlace place)
    {
        using AttachedLink? xdp = Attach(place);
        using Proxy proxy = new(_world, v6);
        ulong inserted = _world.Maps.Counter(CvCounter.XdpHeader);
        using Socket client = Peer.Open(_world.PodX, v6, SocketType.Dgram);
        client.Bind(new IPEndPoint(_world.X(v6), 40000));
        IPEndPoint from = new(_world.X(v6), 40000), to = _world.B.At(v6, 5353);
        await client.ConnectAsync(to);
        int whole = v6 ? 1452 : 1472, headed = 0;
        foreach (int size in (int[])[0, 1, 2, 17, 500, whole - 1, whole, whole + 1, 4001, 20000, v6 ? 65487 : 65507])
        {
            byte[] payload = Packet.Pattern(size);
            await client.SendAsync(payload, Peer.Deadline());
            (ProxyHeader? header, byte[] got, IPEndPoint source, IPAddress destination) = await proxy.ReceiveAsync(plain: size > whole);
            Assert.Equal(payload, got);
            Assert.Equal((from, to.Address), (source, destination));
            if (header is null) continue;
            headed++;
            Assert.Equal((from, to, (uint)CvSessionFlag.External), (header.From, header.To, header.Endpoint.Flags));
        }
        Assert.Equal(0, proxy.Waiting);
        Assert.Equal(place == HeaderPlace.Native ? inserted + (ulong)headed : inserted, _world.Maps.Counter(CvCounter.XdpHeader));
        using Socket session = Peer.SpeakAs(_world, to, from);
        byte[] buffer = new byte[65536];
        foreach (int size in (int[])[1, 1400, 30000])
        {
            await session.SendAsync(Packet.Pattern(size), Peer.Deadline());
            Assert.Equal(Packet.Pattern(size), buffer[..await client.ReceiveAsync(buffer, Peer.Deadline())]);
        }
        client.Dispose();
        Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(session));
    }

    [Theory, MemberData(nameof(Places))]
    public async Task What_policy_refuses_is_told_of_and_the_rest_is_not_disturbed(bool v6, HeaderPlace place)
    {
        using AttachedLink? xdp = Attach(place);
        using Proxy proxy = new(_world, v6);
        _world.SetPod(LiveWorld.Generation, _world.B, CvAddressFlag.Proxy | CvAddressFlag.Strict, CvEndpointFlag.Strict);
        using Socket client = Peer.Open(_world.PodX, v6, SocketType.Dgram);
        await client.SendToAsync(new byte[5], _world.B.At(v6, 53));
        Assert.Equal((byte)CvReason.StrictMtls, _world.Await(e => e.Type == (byte)CvEventType.Denied).Reason);
        Assert.Equal(0, proxy.Waiting);
        await ExternalTests.EchoAsync(_world.PodX, _world.PodA, _world.A.At(v6, 53), 100);
        await ExternalTests.EchoAsync(_world.PodX, _world.PodA, _world.A.At(v6, 54), 9000);
        await ExternalTests.EchoAsync(_world.PodB, _world.PodX, new(_world.X(v6), 53), 9000); // its own, with answers
        Assert.True((await _world.PodX.RunAsync("ping", ["-c", "1", "-W", "5", _world.B.Address(v6).ToString()])).Succeeded);
        using Socket listener = Peer.Listen(_world.PodA, _world.A.At(v6, 80));
        using Socket stream = await Peer.Connect(_world.PodX, _world.A.At(v6, 80));
        using Socket server = await listener.AcceptAsync(Peer.Deadline());
        await Peer.ExchangeAsync(stream, server, 4 << 20);
    }

    [Theory, MemberData(nameof(Places))]
    public async Task Connections_reach_the_outbound_listeners_with_both_addresses(bool v6, HeaderPlace place)
    {
        using AttachedLink? xdp = Attach(place);
        using Socket listener = Peer.ListenAsProxy(_world, v6);
        _world.Maps.Listeners.SetDescriptor((uint)(v6 ? CvListenerKind.Out6 : CvListenerKind.Out4) * CvAbi.MaxListeners, listener.SafeHandle);
        _world.Maps.Offer(LiveWorld.Generation);
        using Socket client = await Peer.Connect(_world.PodX, _world.B.At(v6, 80));
        using Socket proxy = await listener.AcceptAsync(Peer.Deadline());
        Assert.Equal((_world.B.At(v6, 80), client.LocalEndPoint), (proxy.LocalEndPoint, proxy.RemoteEndPoint));
        await Peer.ExchangeAsync(client, proxy, 4 << 20);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Places))]
    public async Task A_header_without_a_socket_of_the_proxy_reaches_nobody(bool v6, HeaderPlace place)
    {
        using AttachedLink? xdp = Attach(place);
        using (new Proxy(_world, v6))
        {
            // Its slots are empty again when it is closed, but the programs are told that it is there.
        }
        using Socket server = Peer.Datagrams(_world.PodB, _world.B.At(v6, 5354)), own = Peer.Datagrams(_world.Node, new(v6 ? IPAddress.IPv6Any : IPAddress.Any, 5354));
        using Socket client = Peer.Open(_world.PodX, v6, SocketType.Dgram);
        await client.SendToAsync(new byte[5], _world.B.At(v6, 5354));
        Assert.Equal((byte)CvReason.ProxyDown, _world.Await(e => e.Type == (byte)CvEventType.Dropped).Reason);
        Assert.Equal((0, 0), (server.Available, own.Available));
    }
}
