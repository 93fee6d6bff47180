using System.Net;
using System.Net.Sockets;
using Culvert.Interop;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Inside;

/// <summary>Connections of pods that are captured inside their network namespaces.</summary>
public sealed class InsideTcpTests
{
    private static readonly IPEndPoint Service = new(IPAddress.Parse("10.96.0.1"), 80);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task TwoPodsOfANodeSpeakByATunnelBetweenTheirNamespaces(int loops)
    {
        await using InsideNode node = new(loops);
        using Socket listener = node.Bob.Listen();
        using Socket client = await node.Alice.ConnectAsync(listener.LocalEndPoint!);
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        await client.SendAllAsync("there"u8.ToArray());
        Assert.Equal("there"u8.ToArray(), await server.ReceiveExactlyAsync(5));
        await server.SendAllAsync("back"u8.ToArray());
        Assert.Equal("back"u8.ToArray(), await client.ReceiveExactlyAsync(4));

        // In the client's name, which no peer but this proxy may use.
        Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
        string tunnel = $"{PodLab.Text(node.Bob.Address)}:{PodLab.TunnelPort:X4}";
        Assert.Contains(node.Alice.Sockets("tcp"), s => s.StartsWith(PodLab.Text(node.Alice.Address), StringComparison.Ordinal) && s.EndsWith(tunnel, StringComparison.Ordinal));
        Assert.Contains(node.Bob.Sockets("tcp"), s => s.StartsWith(tunnel, StringComparison.Ordinal) && s.Contains(PodLab.Text(node.Alice.Address), StringComparison.Ordinal));

        // It is asked on both sides, and reported on both.
        await SocketExtensions.EventuallyAsync(() => node.Mesh.Opened.Count == 2);
        Assert.Equal([ProxyDirection.Outbound, ProxyDirection.Inbound], node.Mesh.Opened.Select(i => i.Direction).Order());
        Assert.All(node.Mesh.Opened, i => Assert.Equal(client.LocalEndPoint, ProxyPair.ToIp(i.Source)));
    }

    [Fact]
    public async Task APodReachesItselfByAServiceInsideItsNamespace()
    {
        await using InsideNode node = new();
        using Socket listener = node.Bob.Listen();
        node.RouteToItself(node.Bob, ((IPEndPoint)listener.LocalEndPoint!).Port);
        using Socket client = await node.Bob.ConnectAsync(Service);
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        await client.SendAllAsync("x"u8.ToArray());
        await server.ReceiveExactlyAsync(1);
        Assert.Equal(node.Bob.Address, ((IPEndPoint)server.RemoteEndPoint!).Address);
        Assert.Equal(OutboundRouteKind.Local, Assert.Single(node.Mesh.Opened).Route);
    }

    [Fact]
    public async Task WhatLeavesTheMeshLeavesThePodsNamespace()
    {
        await using InsideNode node = new();
        node.Bob.Ip("address add 192.0.2.7/32 dev lo");
        node.Bob.Shell("nft flush chain inet capture out");
        using Socket listener = node.Bob.Listen(address: IPAddress.Parse("192.0.2.7"));
        node.Mesh.Route = destination => OutboundRoute.Passthrough(destination);
        using Socket client = await node.Alice.ConnectAsync(listener.LocalEndPoint!);
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        await client.SendAllAsync("x"u8.ToArray());
        await server.ReceiveExactlyAsync(1);
        Assert.Equal(node.Alice.Address, ((IPEndPoint)server.RemoteEndPoint!).Address);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task InAPodsNamespaceNobodyElseIsBelieved()
    {
        await using InsideNode node = new();
        node.Alice.Ip($"address add {node.Bob.Address}/32 dev lo");
        using Socket client = node.Alice.NewSocket(address: node.Bob.Address);
        await PodLab.ExpectResetAsync(client, ProxyPair.ToIp(node.AliceListeners.Outbound[0].Local));
        await SocketExtensions.EventuallyAsync(() => !node.Mesh.Failed.IsEmpty);
        Assert.Equal(ProxyFailure.UnknownSource, Assert.Single(node.Mesh.Failed).Failure);
        Assert.Empty(node.Mesh.Opened);

        // A tunnel that pretends to lead to another.
        node.Alice.Ip($"rule add pref 0 to {node.Bob.Address} lookup local");
        node.Alice.Shell($"nft insert rule inet capture before iif lo tcp dport {PodLab.TunnelPort} meta mark set 0x1 tproxy ip to 127.0.0.1:{node.AliceListeners.Tunnels[0].Local.Port} accept");
        using Socket tunnel = node.Alice.NewSocket(address: IPAddress.Loopback);
        await PodLab.ExpectResetAsync(tunnel, new IPEndPoint(node.Bob.Address, PodLab.TunnelPort));
        await SocketExtensions.EventuallyAsync(() => !node.Mesh.Handshakes.IsEmpty);
        Assert.Equal(ProxyFailure.NoRoute, Assert.Single(node.Mesh.Handshakes).Handshake.Failure);
    }

    [Fact]
    public async Task NothingIsLeftInASpaceThatIsClosed()
    {
        await using InsideNode node = new(loops: 2);
        Socket listener = node.Bob.Listen();
        Socket client = await node.Alice.ConnectAsync(listener.LocalEndPoint!);
        Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        await client.SendAllAsync("x"u8.ToArray());
        await server.ReceiveExactlyAsync(1);
        await node.Server.CloseSpaceAsync(node.Bob.Space);
        await server.AssertResetAsync();
        await client.AssertResetAsync();
        listener.Dispose();
        server.Dispose();
        await node.Bob.AssertWithoutSocketsAsync();
        Assert.NotEmpty(node.Alice.Sockets());

        // Of the other one the tunnel has ended with its peer.
        client.Dispose();
        await node.Server.CloseSpaceAsync(node.Alice.Space);
        await node.Alice.AssertWithoutSocketsAsync();
        await node.Server.CloseSpaceAsync(node.Alice.Space);
        Assert.Throws<InvalidOperationException>(() => node.Server.OpenSpace(node.Alice.Space));
        ProxyLoopStats[] stats = await node.Server.GetStatsAsync();
        Assert.Equal((0, 0, 0), (stats.Sum(s => s.Connections), stats.Sum(s => s.ClientTunnels), stats.Sum(s => s.ServerTunnels)));
    }

    [Fact]
    public async Task AnIdleTunnelEndsWithItsSpace()
    {
        await using InsideNode node = new();
        using Socket listener = node.Bob.Listen();
        using (Socket client = await node.Alice.ConnectAsync(listener.LocalEndPoint!))
        using (Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10)))
        {
            await client.SendAllAsync("x"u8.ToArray());
            await server.ReceiveExactlyAsync(1);
        }

        await SocketExtensions.EventuallyAsync(() => node.Mesh.Closed.Count == 2);
        Assert.Equal(1, (await node.Server.GetStatsAsync()).Sum(s => s.ClientTunnels));
        await node.Server.CloseSpaceAsync(node.Alice.Space);
        await node.Alice.AssertWithoutSocketsAsync();
        Assert.Equal(0, (await node.Server.GetStatsAsync()).Sum(s => s.ClientTunnels));
    }

    [Fact]
    public async Task ANamespaceThatIsGoneIsAFailureOfItsConnectionsOnly()
    {
        await using InsideNode node = new();
        using Socket listener = node.Bob.Listen();
        node.Alice.Network.Dispose();
        using NetworkNamespace again = NetworkNamespace.Open(node.Alice.Network.Description.Split('/')[^1]);
        using Socket client = again.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        await PodLab.ExpectResetAsync(client, listener.LocalEndPoint!);
        await SocketExtensions.EventuallyAsync(() => !node.Mesh.Failed.IsEmpty);
        Assert.Equal(ProxyFailure.ConnectFailed, Assert.Single(node.Mesh.Failed).Failure);

        // The loop is at home, and serves the others.
        node.RouteToItself(node.Bob, ((IPEndPoint)listener.LocalEndPoint!).Port);
        using Socket other = await node.Bob.ConnectAsync(Service);
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task APodForWhoseListenersThereAreNoDescriptorsIsRefusedWithTheRemedy()
    {
        await using InsideNode node = new(maxSockets: 25);
        using PodLab carol = new(3, ProxyPair.Workload("carol", "c", "spiffe://cluster.local/ns/c/sa/carol", IPAddress.Parse("10.91.0.3")));
        string message = Assert.Throws<KernelException>(() => node.Server.OpenSpace(carol.Space)).Message;
        Assert.Contains($"keep 10 sockets in the network namespace of {carol.Workload.Uid}: EMFILE", message, StringComparison.Ordinal);
        Assert.Contains("20 of the 25 descriptors", message, StringComparison.Ordinal);
        Assert.Contains("LimitNOFILE=", message, StringComparison.Ordinal);
        await carol.AssertWithoutSocketsAsync();
        Assert.Contains(new PlaceUse("spaces", 20, 25), node.Server.Places);

        // When another has left, there are.
        await node.Server.CloseSpaceAsync(node.Alice.Space);
        Assert.Equal(6, node.Server.OpenSpace(carol.Space).Count);
    }

    [Fact]
    public async Task APodWithoutIPv6HasTheListenersOfIPv4()
    {
        await using InsideNode node = new(loops: 2);
        using PodLab plain = new(3, ProxyPair.Workload("carol", "c", "spiffe://cluster.local/ns/c/sa/carol", IPAddress.Parse("10.91.0.3")));
        plain.Shell("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
        SpaceListeners listeners = node.Server.OpenSpace(plain.Space);
        foreach (IReadOnlyList<ProxyListener> kind in new[] { listeners.Outbound, listeners.Tunnels, listeners.Plain })
        {
            Assert.Equal([0, 1], kind.Take(2).Select(l => l.Loop));
            Assert.All(kind.Take(2), l => Assert.True(l.Local.IsIPv4 && l.Local.Port > 1024));
        }

        await node.Server.CloseSpaceAsync(plain.Space);
        await plain.AssertWithoutSocketsAsync();

        using PodLab gone = new(4, plain.Workload);
        gone.Network.Dispose();
        Assert.Throws<KernelException>(() => node.Server.OpenSpace(gone.Space));
    }
}
