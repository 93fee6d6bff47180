using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Live;

/// <summary>Connections that the programs hand to the proxy's transparent sockets. The test plays the proxy.</summary>
public sealed class CaptureTests : IClassFixture<LiveWorld>
{
    private readonly LiveWorld _world;

    public CaptureTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
    }

    /// <summary>Offers a listener of a kind to the programs.</summary>
    private Socket Offer(bool v6, CvListenerKind kind4)
    {
        Socket listener = Peer.ListenAsProxy(_world, v6);
        uint kind = (uint)kind4 + (v6 ? 1u : 0);
        _world.Maps.Listeners.SetDescriptor(kind * CvAbi.MaxListeners, listener.SafeHandle);
        uint[] counts = new uint[4];
        counts[kind] = 1;
        _world.Maps.Activate(LiveWorld.Generation, counts);
        return listener;
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_connection_to_a_workload_elsewhere_reaches_the_proxy_with_both_addresses(bool v6)
    {
        _world.EnrolX(v6);
        using Socket listener = Offer(v6, CvListenerKind.Out4);
        IPEndPoint to = new(_world.X(v6), 8080);
        using (Socket client = await Peer.Connect(_world.PodA, to))
        using (Socket proxy = await listener.AcceptAsync(Peer.Deadline()))
        {
            Assert.Equal((to, client.LocalEndPoint), (proxy.LocalEndPoint, proxy.RemoteEndPoint));
            await Peer.ExchangeAsync(client, proxy, 16 << 20);
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await proxy.ReceiveAsync(new byte[1], Peer.Deadline()));
            await Peer.SendAsync(proxy, 1000);
            await Peer.ReceiveAsync(client, 1000);
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_pod_that_is_its_own_backend_goes_by_the_proxy(bool v6)
    {
        _world.SetService(LiveWorld.Generation, v6, 90, 9, CvServiceFlag.Proxy, _world.B.Address(v6));
        _world.SetService(LiveWorld.Generation, v6, 91, 10, default, _world.A.Address(v6));
        using Socket listener = Offer(v6, CvListenerKind.Out4);
        foreach (int port in (int[])[90, 91])
        {
            using Socket client = await Peer.Connect(_world.PodA, new IPEndPoint(World.Vip(v6), port));
            using Socket proxy = await listener.AcceptAsync(Peer.Deadline());
            await Peer.ExchangeAsync(client, proxy, 5000);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Two_hundred_connections_at_once_are_captured(bool v6)
    {
        _world.EnrolX(v6);
        using Socket listener = Offer(v6, CvListenerKind.Out4);
        Task<Socket>[] clients = [.. Enumerable.Range(0, 200).Select(i => Peer.Connect(_world.PodA, new IPEndPoint(_world.X(v6), 1000 + i)))];
        HashSet<int> ports = [];
        for (int i = 0; i < clients.Length; i++)
        {
            using Socket proxy = await listener.AcceptAsync(Peer.Deadline());
            ports.Add(((IPEndPoint)proxy.LocalEndPoint!).Port);
        }
        foreach (Task<Socket> client in clients) (await client).Dispose();
        Assert.Equal(200, ports.Count);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Ports_of_a_connection_that_waits_for_its_end_serve_a_new_one_at_once(bool v6)
    {
        _world.EnrolX(v6);
        using Socket listener = Offer(v6, CvListenerKind.Out4);
        for (int i = 0; i < 5; i++)
        {
            using Socket client = Peer.Open(_world.PodA, v6, SocketType.Stream);
            client.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            client.Bind(_world.A.At(v6, 34567));
            long started = Environment.TickCount64;
            await client.ConnectAsync(new IPEndPoint(_world.X(v6), 8080), Peer.Deadline());
            using Socket proxy = await listener.AcceptAsync(Peer.Deadline());
            Assert.InRange(Environment.TickCount64 - started, 0, 900); // a SYN that was lost comes again after a second
            proxy.Shutdown(SocketShutdown.Send); // the side that ends first is the one that waits
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], Peer.Deadline()));
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await proxy.ReceiveAsync(new byte[1], Peer.Deadline()));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Without_a_listener_the_connection_waits_for_one(bool v6)
    {
        _world.EnrolX(v6);
        Task<Socket> connecting = Peer.Connect(_world.PodA, new IPEndPoint(_world.X(v6), 8080));
        Assert.Equal((byte)CvReason.ProxyDown, _world.Await(e => e.Type == (byte)CvEventType.Dropped).Reason);
        using Socket listener = Offer(v6, CvListenerKind.Out4);
        using Socket client = await connecting;
        using Socket proxy = await listener.AcceptAsync(Peer.Deadline());
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_tunnel_from_an_external_address_reaches_the_proxy_at_the_workloads_address(bool v6)
    {
        _world.SetPod(LiveWorld.Generation, _world.A, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        using Socket listener = Offer(v6, CvListenerKind.Tunnel4);
        using Socket client = await Peer.Connect(_world.PodX, _world.A.At(v6, 15008));
        using Socket proxy = await listener.AcceptAsync(Peer.Deadline());
        Assert.Equal((_world.A.At(v6, 15008), client.LocalEndPoint), (proxy.LocalEndPoint, proxy.RemoteEndPoint));
        await Peer.ExchangeAsync(client, proxy, 4 << 20);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task The_proxy_reaches_a_strict_pod_from_the_clients_own_address(bool v6)
    {
        _world.SetPod(LiveWorld.Generation, _world.B, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, 80));
        using Socket proxy = Peer.AsProxy(_world, Peer.Open(_world.Node, v6, SocketType.Stream), v6);
        proxy.Bind(new IPEndPoint(_world.X(v6), 45678));
        await proxy.ConnectAsync(_world.B.At(v6, 80), Peer.Deadline());
        using Socket server = await listener.AcceptAsync(Peer.Deadline());
        Assert.Equal(new IPEndPoint(_world.X(v6), 45678), server.RemoteEndPoint);
        await Peer.ExchangeAsync(proxy, server, 16 << 20);
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public async Task Attack_a_program_of_the_node_with_the_proxys_mark_does_not_reach_a_strict_pod(bool v6)
    {
        _world.SetPod(LiveWorld.Generation, _world.B, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, 80));
        ulong before = _world.Maps.Drops()[(int)CvReason.TransportSpoof];
        using Socket forger = Peer.Marked(Peer.Open(_world.Node, v6, SocketType.Stream), v6);
        forger.Bind(new IPEndPoint(_world.X(v6), 45680));
        Task connecting = forger.ConnectAsync(_world.B.At(v6, 80), Peer.Deadline()).AsTask();
        Assert.True(SpinWait.SpinUntil(() => _world.Maps.Drops()[(int)CvReason.TransportSpoof] > before, TimeSpan.FromSeconds(10)), "its SYN was not refused");
        Assert.False(connecting.IsCompletedSuccessfully);
        forger.Dispose();
        await Assert.ThrowsAnyAsync<Exception>(() => connecting);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task An_old_flow_with_the_same_ports_does_not_swallow_the_proxys_connection(bool v6)
    {
        IPEndPoint from = new(_world.X(v6), 45679);
        foreach (CvFlowKey key in (CvFlowKey[])[Abi.Key(from, _world.B.At(v6, 80), Packet.Tcp), Abi.Key(_world.B.At(v6, 80), from, Packet.Tcp)])
        {
            bool reply = key.Src == Abi.Address(_world.B.Address(v6));
            _world.Maps.Flows.Set(key, new CvFlow { Generation = LiveWorld.Generation, Verdict = (byte)CvVerdict.Pass, InIfindex = reply ? _world.B.Index : 0, Flags = (byte)(CvFlowFlag.Anonymous | (reply ? CvFlowFlag.Reply : 0)) });
        }
        using Socket listener = Peer.Listen(_world.PodB, _world.B.At(v6, 80));
        using Socket proxy = Peer.AsProxy(_world, Peer.Open(_world.Node, v6, SocketType.Stream), v6);
        proxy.Bind(from);
        await proxy.ConnectAsync(_world.B.At(v6, 80), Peer.Deadline());
        using Socket server = await listener.AcceptAsync(Peer.Deadline());
        await Peer.ExchangeAsync(proxy, server, 5000);
        Assert.Empty(_world.Maps.Flows.ToList());
    }
}
