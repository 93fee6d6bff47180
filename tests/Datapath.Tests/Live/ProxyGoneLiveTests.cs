using System.Net;
using System.Net.Sockets;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Live;

/// <summary>What is for the proxy never reaches the node's own sockets at all addresses, also when the proxy is gone without a word.</summary>
public sealed class ProxyGoneLiveTests : IClassFixture<LiveWorld>
{
    private const int Port = 5353;
    private readonly LiveWorld _world;

    public ProxyGoneLiveTests(LiveWorld world)
    {
        _world = world;
        _world.Reset();
    }

    private static IPEndPoint Wildcard(bool v6) => new(v6 ? IPAddress.IPv6Any : IPAddress.Any, Port);

    private void AwaitDrop() => Assert.Equal((byte)CvReason.ProxyDown, _world.Await(e => e.Type == (byte)CvEventType.Dropped).Reason);

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_fragmented_datagram_is_dropped(bool v6)
    {
        _world.EnrolX(v6);
        using Socket own = Peer.Datagrams(_world.Node, Wildcard(v6)), client = Peer.Open(_world.PodA, v6, SocketType.Dgram);
        await client.ConnectAsync(new IPEndPoint(_world.X(v6), Port));
        using (Proxy proxy = new(_world, v6))
        {
            await client.SendAsync(Packet.Pattern(4000));
            await proxy.ReceiveAsync(plain: true);
        }
        await client.SendAsync(Packet.Pattern(4000));
        AwaitDrop();
        Assert.Equal(0, own.Available);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task An_answer_to_a_socket_of_the_proxy_is_dropped(bool v6)
    {
        IPEndPoint client = new(_world.X(v6), Port);
        _world.Maps.Offer(LiveWorld.Generation);
        _world.Maps.Replies.Set(Abi.Key(_world.B.At(v6, 0), client, Packet.Udp), default);
        using Socket own = Peer.Datagrams(_world.Node, Wildcard(v6)), server = Peer.Datagrams(_world.PodB, _world.B.At(v6, 53));
        await server.SendToAsync(Packet.Pattern(100), client);
        AwaitDrop();
        Assert.Equal(0, own.Available);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_connection_over_one_that_waits_for_its_end_is_dropped(bool v6)
    {
        _world.EnrolX(v6);
        IPEndPoint to = new(_world.X(v6), Port);
        using Socket own = Peer.Listen(_world.Node, Wildcard(v6));
        uint kind = (uint)CvListenerKind.Out4 + (v6 ? 1u : 0);
        Socket listener = Peer.ListenAsProxy(_world, v6);
        using (SocketGroup offered = new(_world.Maps.Listeners))
        {
            offered.Add(kind * CvAbi.MaxListeners, listener);
            _world.Maps.Offer(LiveWorld.Generation);
            using Socket client = Client(v6);
            await client.ConnectAsync(to, Peer.Deadline());
            using Socket proxy = await listener.AcceptAsync(Peer.Deadline());
            proxy.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], Peer.Deadline()));
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await proxy.ReceiveAsync(new byte[1], Peer.Deadline()));
        }
        using Socket again = Client(v6);
        Task connecting = again.ConnectAsync(to, Peer.Deadline()).AsTask();
        AwaitDrop();
        Assert.False(own.Poll(0, SelectMode.SelectRead));
        again.Dispose();
        await Assert.ThrowsAnyAsync<Exception>(() => connecting);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task What_the_socket_lookup_knows_as_the_proxys_is_nobodys(bool v6)
    {
        IPAddress loopback = v6 ? IPAddress.IPv6Loopback : IPAddress.Loopback;
        using Socket own = Peer.Datagrams(_world.Node, Wildcard(v6)), client = Peer.Datagrams(_world.Node, new(loopback, 0)), other = Peer.Datagrams(_world.Node, new(loopback, 0));
        _world.Maps.Sessions.Set(Abi.Key((IPEndPoint)client.LocalEndPoint!, new(loopback, Port), Packet.Udp), default);
        _world.Maps.Offer(LiveWorld.Generation);
        await client.SendToAsync(new byte[1], new IPEndPoint(loopback, Port));
        await other.SendToAsync(new byte[2], new IPEndPoint(loopback, Port));
        Assert.Equal(2, await own.ReceiveAsync(new byte[10], Peer.Deadline())); // lo keeps the order: the one before was dropped
        using Proxy proxy = new(_world, v6);
        await client.SendToAsync(new byte[3], new IPEndPoint(loopback, Port));
        Assert.Equal(3, (await proxy.ReceiveAsync(plain: true)).Payload.Length);
    }

    private Socket Client(bool v6)
    {
        Socket client = Peer.Open(_world.PodA, v6, SocketType.Stream);
        client.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        client.Bind(_world.A.At(v6, 34568));
        return client;
    }
}
