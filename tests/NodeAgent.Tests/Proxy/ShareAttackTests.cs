using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Proxy.Udp;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>One pod, or somebody outside the mesh, opens all it can: others find room.</summary>
[Trait("Category", "Attack")]
public sealed class ShareAttackTests
{
    private static readonly EndPoint Service = new IPEndPoint(IPAddress.Parse("10.96.0.9"), 53);

    [Theory]
    [InlineData(false, 40)]
    [InlineData(true, 20)]
    public async Task APodThatOpensAllConnectionsItCanLeavesHalfForOthers(bool plain, int share)
    {
        // A tunnelled connection takes one place, a plain one, with a socket on each side, two.
        await using ProxyPair pair = new(o => o with { MaxConnections = o.OutboundListeners.Count > 0 ? 80 : 1000 });
        using Socket listener = pair.ListenByTunnel();
        if (plain) pair.RoutePlain(((IPEndPoint)listener.LocalEndPoint!).Port);
        List<Socket> sockets = [];
        for (int i = 0; i < 100; i++) sockets.Add(await ConnectAsync(pair, pair.SourceAddress));
        await SocketExtensions.EventuallyAsync(() => pair.Source.Opened.Count + pair.Source.Failed.Count == 100);
        Assert.Equal(share, pair.Source.Opened.Count);
        Assert.All(pair.Source.Failed, f => Assert.Equal((ProxyFailure.OverShare, pair.Source.Route(f.Info.Destination).Destination?.Uid), (f.Failure, f.Info.DestinationWorkload?.Uid)));

        // The neighbour's address is that of a client which is bound to it.
        IPAddress address = IPAddress.Parse("127.88.0.1");
        pair.Source.Neighbour = ProxyPair.Workload("carol", "c", ProxyPair.Alice, address);
        for (int i = 0; i < share / 2; i++) sockets.Add(await ConnectAsync(pair, address));
        await SocketExtensions.EventuallyAsync(() => pair.Source.Opened.Count == share + (share / 2));
        ExhaustLine.Write($"one pod's {(plain ? "plain" : "tunnelled")} connections", $"100 asked for, {share} made", share / 2, pair.Source.Failed.Count - (100 - share));
        sockets.ForEach(s => s.Dispose());
        listener.Dispose();
        await SocketExtensions.EventuallyAsync(() => pair.SourceProxy.Places.Single(p => p.Pool == "workloads").Used == 0);
    }

    [Fact]
    public async Task WhoAsksForMoreThanTheDestinationsShareHearsWhy()
    {
        await using ProxyPair pair = new(o => o with { MaxConnections = o.OutboundListeners.Count > 0 ? 1000 : 80 });
        using Socket listener = pair.ListenByTunnel();
        List<Socket> sockets = [];
        for (int i = 0; i < 100; i++) sockets.Add(await ConnectAsync(pair, pair.SourceAddress));
        await SocketExtensions.EventuallyAsync(() => pair.Source.Opened.Count + pair.Source.Failed.Count == 100);

        // One workload that has one client: held by it, held by the client, and free, a third each.
        Assert.Equal(73, pair.Source.Failed.Count);
        Assert.All(pair.Source.Failed, f => Assert.Equal(ProxyFailure.OverShare, f.Failure));
        Assert.All(pair.Destination.Failed, f => Assert.Equal(ProxyFailure.OverShare, f.Failure));
        sockets.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task DatagramsOfManyExternalAddressesTakeNoSocketsFromPods()
    {
        await using UdpProxy proxy = new(configure: o => o with { MaxConnections = 100, MaxExternal = 20, MaxUdpRefusals = 50 });
        using Socket app = UdpProxy.Bind("127.0.0.1");
        app.ReceiveBufferSize = 8 << 20;
        using Socket client = UdpProxy.Bind("127.88.0.2");
        proxy.Mesh.Neighbour = ProxyPair.Workload("carol", "c", ProxyPair.Alice, ((IPEndPoint)client.LocalEndPoint!).Address);
        proxy.RouteTo(app.LocalEndPoint!);
        for (int i = 0; i < 5000; i++)
        {
            IPEndPoint attacker = new(IPAddress.Parse($"127.99.{i / 250}.{(i % 250) + 1}"), 1024 + i);
            client.SendTo(UdpProxy.Captured(attacker, Service, [1], external: true), proxy.Entry);
            if (i % 100 == 0) await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Opened.Count + proxy.Mesh.Failed.Count > i);
        }

        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Opened.Count + proxy.Mesh.Failed.Count == 5000);
        Assert.Equal(20, proxy.Mesh.Opened.Count);
        Assert.All(proxy.Mesh.Failed, f => Assert.Equal(ProxyFailure.Overload, f.Failure));
        ProxyLoopStats stats = Assert.Single(await proxy.Server.GetStatsAsync());
        Assert.InRange(stats.UdpSessions, 20, 70);
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, [1]), proxy.Entry);
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Opened.Count == 21);
    }

    [Fact]
    public async Task OneExternalAddressHasHalfOfWhatIsForExternalOnes()
    {
        await using UdpProxy proxy = new(configure: o => o with { MaxExternal = 20 });
        using Socket app = UdpProxy.Bind("127.0.0.1");
        using Socket client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        for (int i = 0; i < 100; i++) client.SendTo(UdpProxy.Captured(new IPEndPoint(IPAddress.Parse("127.99.0.1"), 2000 + i), Service, [1], external: true), proxy.Entry);
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Opened.Count + proxy.Mesh.Failed.Count == 100);
        Assert.Equal(10, proxy.Mesh.Opened.Count);
        Assert.All(proxy.Mesh.Failed, f => Assert.Equal(ProxyFailure.OverShare, f.Failure));
        client.SendTo(UdpProxy.Captured(new IPEndPoint(IPAddress.Parse("127.99.0.2"), 2000), Service, [1], external: true), proxy.Entry);
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Opened.Count == 11);
    }

    private static async Task<Socket> ConnectAsync(ProxyPair pair, IPAddress from)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(from, 0));
        await SocketExtensions.UnlessResetAsync(() => socket.ConnectAsync(pair.Entry));
        return socket;
    }
}
