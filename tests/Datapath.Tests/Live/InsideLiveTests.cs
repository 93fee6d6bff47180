using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Labs;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Real sockets of pods that are captured inside their network namespaces. The test plays the proxy.</summary>
public sealed class InsideLiveTests : IClassFixture<InsideLiveWorld>
{
    private const uint Next = InsideLiveWorld.Generation + 1;
    private const int SolSocket = 1, SoMark = 36, TunnelPort = 15008;
    private readonly InsideLiveWorld _world;

    public InsideLiveTests(InsideLiveWorld world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool> Families => [false, true];

    [Theory, MemberData(nameof(Families))]
    public async Task Connections_to_workloads_wherever_they_are_reach_the_pods_listener_with_both_addresses(bool v6)
    {
        _world.EnrolX(v6);
        (Socket listener, IDisposable offered) = _world.Offer(_world.PodA, v6, CvListenerKind.Out4);
        using IDisposable end = offered;
        foreach (IPEndPoint to in (IPEndPoint[])[_world.X(v6, 8080), _world.B.At(v6, 8080)])
        {
            using Socket client = await Peer.Connect(_world.PodA, to), proxy = await listener.AcceptAsync(Peer.Deadline());
            Assert.Equal((to, client.LocalEndPoint), (proxy.LocalEndPoint, proxy.RemoteEndPoint));
            await Peer.ExchangeAsync(client, proxy, 4 << 20);
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await proxy.ReceiveAsync(new byte[1], Peer.Deadline()));
            await Peer.SendAsync(proxy, 1000);
            await Peer.ReceiveAsync(client, 1000);
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Both_pods_may_have_the_same_connection_each_with_its_listener(bool v6)
    {
        _world.EnrolX(v6);
        (Socket ofA, IDisposable one) = _world.Offer(_world.PodA, v6, CvListenerKind.Out4);
        (Socket ofB, IDisposable two) = _world.Offer(_world.PodB, v6, CvListenerKind.Out4);
        using IDisposable first = one, second = two;
        using Socket a = Peer.Open(_world.PodA, v6, SocketType.Stream), b = Peer.Open(_world.PodB, v6, SocketType.Stream);
        a.Bind(_world.A.At(v6, 41000));
        b.Bind(_world.B.At(v6, 41000));
        await a.ConnectAsync(_world.X(v6, 8080), Peer.Deadline());
        await b.ConnectAsync(_world.X(v6, 8080), Peer.Deadline());
        using Socket proxyA = await ofA.AcceptAsync(Peer.Deadline()), proxyB = await ofB.AcceptAsync(Peer.Deadline());
        Assert.Equal((a.LocalEndPoint, b.LocalEndPoint), (proxyA.RemoteEndPoint, proxyB.RemoteEndPoint));
        await Peer.ExchangeAsync(a, proxyA, 100_000);
        await Peer.ExchangeAsync(b, proxyB, 100_000);
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Without_a_listener_nothing_that_is_for_the_proxy_gets_anywhere(bool v6)
    {
        _world.EnrolX(v6);
        using Socket server = Peer.Listen(_world.PodX, _world.X(v6, 8080)), own = Peer.Listen(_world.PodA, new(v6 ? IPAddress.IPv6Any : IPAddress.Any, 8080));
        (Socket _, IDisposable others) = _world.Offer(_world.PodB, v6, CvListenerKind.Out4);
        using IDisposable offered = others;
        await StaysSilentAsync(_world.PodA, _world.X(v6, 8080));
        _world.AwaitDrop(CvReason.ProxyDown);
        Assert.False(server.Poll(0, SelectMode.SelectRead) || own.Poll(0, SelectMode.SelectRead));
    }

    [Theory, MemberData(nameof(Families))]
    public async Task What_leaves_the_mesh_and_plaintext_that_comes_in_pass_both_ways(bool v6)
    {
        using Socket atX = Peer.Listen(_world.PodX, _world.X(v6, 8080)), atA = Peer.Listen(_world.PodA, _world.A.At(v6, 8081));
        using (Socket client = await Peer.Connect(_world.PodA, _world.X(v6, 8080)), server = await atX.AcceptAsync(Peer.Deadline())) await Peer.ExchangeAsync(client, server, 4 << 20);
        using (Socket client = await Peer.Connect(_world.PodX, _world.A.At(v6, 8081)), server = await atA.AcceptAsync(Peer.Deadline())) await Peer.ExchangeAsync(client, server, 4 << 20);
        using Socket asks = Peer.Datagrams(_world.PodA, _world.A.At(v6, 42000)), answers = Peer.Datagrams(_world.PodX, _world.X(v6, 53));
        foreach (int size in (int[])[10, 1400, 4000])
        {
            await asks.SendToAsync(Packet.Pattern(size), _world.X(v6, 53));
            Assert.Equal(size, (await ReceiveAsync(answers)).Length);
            await answers.SendToAsync(Packet.Pattern(size), _world.A.At(v6, 42000));
            Assert.Equal(size, (await ReceiveAsync(asks)).Length);
        }
    }

    [Theory, MemberData(nameof(Families))]
    public async Task A_service_with_a_backend_outside_the_mesh_is_translated_both_ways(bool v6)
    {
        _world.SetService(InsideLiveWorld.Generation, v6, 90, 3, 0, _world.X(v6, 0).Address);
        using Socket listener = Peer.Listen(_world.PodX, _world.X(v6, WorldContent.BackendPort));
        using Socket client = await Peer.Connect(_world.PodA, new(World.Vip(v6), 90)), server = await listener.AcceptAsync(Peer.Deadline());
        Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
        await Peer.ExchangeAsync(client, server, 4 << 20);
    }

    [Theory, MemberData(nameof(Families))]
    public async Task What_is_refused_is_answered_into_the_pod_and_out_of_it(bool v6)
    {
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodA, new(World.Vip(v6), 9)));
        using (Socket datagrams = Peer.Open(_world.PodA, v6, SocketType.Dgram))
        {
            await datagrams.ConnectAsync(new IPEndPoint(World.Vip(v6), 9));
            Assert.Equal(SocketError.ConnectionRefused, await Peer.DatagramError(datagrams));
        }
        using Socket listener = Peer.Listen(_world.PodA, _world.A.At(v6, 8081));
        _world.SetPod(InsideLiveWorld.Generation, _world.A, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(_world.PodX, _world.A.At(v6, 8081)));
    }

    [Theory, InlineData(false, false), InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public async Task A_connection_that_policy_refuses_from_now_on_ends_at_both_sides(bool v6, bool podSpeaks)
    {
        using Socket listener = Peer.Listen(_world.PodA, _world.A.At(v6, 8081));
        using Socket client = await Peer.Connect(_world.PodX, _world.A.At(v6, 8081)), server = await listener.AcceptAsync(Peer.Deadline());
        await Peer.ExchangeAsync(client, server, 1000);
        _world.Fill(Next);
        _world.SetPod(Next, _world.A, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        _world.Maps.Activate(Next);
        await (podSpeaks ? server : client).SendAsync(new byte[10], Peer.Deadline());
        foreach (Socket socket in (Socket[])[client, server])
        {
            SocketException e = await Assert.ThrowsAsync<SocketException>(async () => await socket.ReceiveAsync(new byte[10], Peer.Deadline()));
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Tunnels_reach_their_listener_with_both_addresses(bool v6)
    {
        _world.EnrolX(v6);
        _world.SetPod(InsideLiveWorld.Generation, _world.A, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        (Socket listener, IDisposable offered) = _world.Offer(_world.PodA, v6, CvListenerKind.Tunnel4);
        using IDisposable end = offered;
        for (int i = 0; i < 3; i++)
        {
            // The same addresses and ports each time: the proxy's socket waits for its end when the next one comes.
            using Socket client = Peer.Open(_world.PodX, v6, SocketType.Stream);
            client.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            client.LingerState = new LingerOption(false, 0);
            client.Bind(_world.X(v6, 43000));
            await client.ConnectAsync(_world.A.At(v6, TunnelPort), Peer.Deadline());
            using Socket proxy = await listener.AcceptAsync(Peer.Deadline());
            Assert.Equal((_world.A.At(v6, TunnelPort), _world.X(v6, 43000)), (proxy.LocalEndPoint, proxy.RemoteEndPoint));
            await Peer.ExchangeAsync(client, proxy, 1 << 20);
            proxy.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], Peer.Deadline()));
            client.Close();
            Assert.Equal(0, await proxy.ReceiveAsync(new byte[1], Peer.Deadline()));
        }
    }

    [Theory, MemberData(nameof(Families))]
    public async Task What_the_proxy_says_leaves_by_the_pods_link_in_the_pods_name(bool v6)
    {
        _world.EnrolX(v6);
        using Socket listener = Peer.Listen(_world.PodX, _world.X(v6, TunnelPort));
        using Socket tunnel = Peer.AsProxy(_world, Peer.Open(_world.PodA, v6, SocketType.Stream), v6);
        await tunnel.ConnectAsync(_world.X(v6, TunnelPort), Peer.Deadline());
        using Socket other = await listener.AcceptAsync(Peer.Deadline());
        Assert.Equal(_world.A.Address(v6), ((IPEndPoint)other.RemoteEndPoint!).Address);
        await Peer.ExchangeAsync(tunnel, other, 4 << 20);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Datagrams_of_every_size_reach_the_plain_socket_whole_and_are_answered(bool v6)
    {
        _world.EnrolX(v6);
        (Socket plain, IDisposable offered) = _world.Offer(_world.PodA, v6, CvListenerKind.Plain4);
        using IDisposable end = offered;
        using Socket client = Peer.Datagrams(_world.PodA, _world.A.At(v6, 44000));
        foreach (int size in (int[])[0, 1, 1400, 1473, 4000, 20_000])
        {
            await client.SendToAsync(Packet.Pattern(size), _world.X(v6, 53));
            byte[] buffer = new byte[65536];
            SocketReceiveMessageFromResult got = await plain.ReceiveMessageFromAsync(buffer, SocketFlags.None, new IPEndPoint(v6 ? IPAddress.IPv6Any : IPAddress.Any, 0), Peer.Deadline());
            Assert.Equal(Packet.Pattern(size), buffer[..got.ReceivedBytes]);
            Assert.Equal((_world.A.At(v6, 44000), _world.X(v6, 0).Address), (got.RemoteEndPoint, got.PacketInformation.Address));
        }
        // In the other's name; its pod's answers come back to the proxy.
        using Socket speaks = Peer.AsProxy(_world, Peer.Open(_world.PodA, v6, SocketType.Dgram), v6);
        speaks.Bind(_world.X(v6, 53));
        await speaks.ConnectAsync(_world.A.At(v6, 44000));
        await speaks.SendAsync(Packet.Pattern(300));
        Assert.Equal(Packet.Pattern(300), await ReceiveAsync(client));
        _world.Maps.Replies.Set(Abi.Key(_world.A.At(v6, 0), _world.X(v6, 53), Packet.Udp, _world.A.Space), default);
        await client.SendToAsync(Packet.Pattern(4000), _world.X(v6, 53));
        Assert.Equal(Packet.Pattern(4000), await ReceiveAsync(speaks));
    }

    [Theory, MemberData(nameof(Families))]
    public async Task Without_the_programs_that_all_pods_call_nothing_passes(bool v6)
    {
        using Socket listener = Peer.Listen(_world.PodX, _world.X(v6, 8080)), inner = Peer.Listen(_world.PodA, _world.A.At(v6, 8081));
        using Socket asks = Peer.Datagrams(_world.PodA, _world.A.At(v6, 45000)), answers = Peer.Datagrams(_world.PodX, _world.X(v6, 53));
        _world.Disconnect();
        try
        {
            await StaysSilentAsync(_world.PodA, _world.X(v6, 8080));
            await StaysSilentAsync(_world.PodX, _world.A.At(v6, 8081));
            await asks.SendToAsync(new byte[10], _world.X(v6, 53));
            await answers.SendToAsync(new byte[10], _world.A.At(v6, 45000));
            await Task.Delay(200);
            Assert.Equal((0, 0), (asks.Available, answers.Available));
        }
        finally
        {
            _world.Connect();
        }
        using Socket client = await Peer.Connect(_world.PodA, _world.X(v6, 8080));
    }

    [Theory, InlineData(false, CvAbi.MarkCapture), InlineData(true, CvAbi.MarkCapture), InlineData(false, CvAbi.MarkProxy), InlineData(true, CvAbi.MarkProxy), InlineData(false, CvAbi.MarkReject), InlineData(true, CvAbi.MarkReject)]
    [Trait("Category", "Attack")]
    public async Task Attack_a_process_of_the_pod_gets_nowhere_by_a_mark(bool v6, uint mark)
    {
        using Socket listener = Peer.Listen(_world.PodX, _world.X(v6, 8080)), datagrams = Peer.Datagrams(_world.PodX, _world.X(v6, 53));
        _world.SetEgressPolicy(InsideLiveWorld.Generation, _world.A, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
        using Socket client = Marked(SocketType.Stream), asks = Marked(SocketType.Dgram);
        // The capture mark leads to lo, where nobody listens for it.
        if (mark == CvAbi.MarkCapture)
        {
            using CancellationTokenSource wait = new(TimeSpan.FromMilliseconds(1500));
            Exception e = await Assert.ThrowsAnyAsync<Exception>(async () => await client.ConnectAsync(_world.X(v6, 8080), wait.Token));
            Assert.True(e is OperationCanceledException or SocketException { SocketErrorCode: SocketError.ConnectionRefused }, e.ToString());
        }
        else
        {
            SocketException e = await Assert.ThrowsAsync<SocketException>(async () => await client.ConnectAsync(_world.X(v6, 8080), Peer.Deadline()));
            Assert.Equal(SocketError.ConnectionRefused, e.SocketErrorCode);
        }
        await asks.SendToAsync(new byte[10], _world.X(v6, 53));
        await Task.Delay(100);
        Assert.Equal((false, 0), (listener.Poll(0, SelectMode.SelectRead), datagrams.Available));

        Socket Marked(SocketType type)
        {
            Socket socket = Peer.Open(_world.PodA, v6, type);
            socket.SetRawSocketOption(SolSocket, SoMark, BitConverter.GetBytes(mark));
            socket.Bind(_world.A.At(v6, 0)); // the route that the capture mark leads to has no source of its own
            return socket;
        }
    }

    [Theory, MemberData(nameof(Families))]
    public async Task The_older_way_of_attaching_does_as_well(bool v6)
    {
        await using InsideLiveWorld world = new() { UseTcx = false };
        await world.InitializeAsync();
        using Socket listener = Peer.Listen(world.PodX, world.X(v6, 8080));
        using (Socket client = await Peer.Connect(world.PodA, world.X(v6, 8080)), server = await listener.AcceptAsync(Peer.Deadline())) await Peer.ExchangeAsync(client, server, 1 << 20);
        Assert.Equal(SocketError.ConnectionRefused, await Peer.Refusal(world.PodA, new(World.Vip(v6), 9)));
        world.EnrolX(v6);
        (Socket proxys, IDisposable offered) = world.Offer(world.PodA, v6, CvListenerKind.Out4);
        using IDisposable end = offered;
        using Socket captured = await Peer.Connect(world.PodA, world.X(v6, 8081)), proxy = await proxys.AcceptAsync(Peer.Deadline());
        await Peer.ExchangeAsync(captured, proxy, 1 << 20);
    }

    private static async Task StaysSilentAsync(LabNamespace from, IPEndPoint to)
    {
        using Socket socket = Peer.Open(from, Peer.IsV6(to), SocketType.Stream);
        using CancellationTokenSource wait = new(TimeSpan.FromMilliseconds(1500));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await socket.ConnectAsync(to, wait.Token));
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket)
    {
        byte[] buffer = new byte[65536];
        return buffer[..await socket.ReceiveAsync(buffer, SocketFlags.None, Peer.Deadline())];
    }
}
