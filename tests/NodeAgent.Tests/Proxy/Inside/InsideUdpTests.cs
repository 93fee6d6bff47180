using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Inside;

/// <summary>Datagrams of pods that are captured inside their network namespaces.</summary>
public sealed class InsideUdpTests
{
    [Fact]
    public async Task DatagramsGoByATunnelBetweenTheNamespacesAndAnswersComeBack()
    {
        await using InsideNode node = new();
        using Socket server = node.Bob.NewSocket(SocketType.Dgram);
        using Socket client = node.Alice.NewSocket(SocketType.Dgram);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        byte[] buffer = new byte[16];
        foreach (byte payload in new byte[] { 1, 2 })
        {
            client.SendTo([payload], server.LocalEndPoint!);
            Assert.Equal(1, server.ReceiveFrom(buffer, ref from));
            Assert.Equal((payload, client.LocalEndPoint), (buffer[0], from));
            server.SendTo([payload, payload], from);
            Assert.Equal(2, client.ReceiveFrom(buffer, ref from));
            Assert.Equal((payload, server.LocalEndPoint), (buffer[0], from));
        }

        // From another port of the application, by the listener of its namespace.
        using Socket other = node.Bob.NewSocket(SocketType.Dgram);
        other.SendTo([3], client.LocalEndPoint!);
        Assert.Equal(1, client.ReceiveFrom(buffer, ref from));
        Assert.Equal((3, other.LocalEndPoint), (buffer[0], from));

        await node.Server.CloseSpaceAsync(node.Alice.Space);
        await node.Server.CloseSpaceAsync(node.Bob.Space);
        string[] own = [.. new[] { client, server, other }.Select(s => $"{((IPEndPoint)s.LocalEndPoint!).Port:X4}")];
        Assert.All(node.Alice.Sockets().Concat(node.Bob.Sockets()), s => Assert.Contains(s[9..13], own));
    }

    [Fact]
    public async Task AClosedPortIsToldToTheClientInItsNamespace()
    {
        await using InsideNode node = new();
        using Socket client = node.Alice.NewSocket(SocketType.Dgram);
        client.Connect(new IPEndPoint(node.Bob.Address, 9));
        SocketException told = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            // The first opens the session; the application's kernel answers each.
            client.Send([1]);
            byte[] buffer = new byte[1];
            await client.ReceiveAsync(buffer.AsMemory()).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
        });
        Assert.Equal(SocketError.ConnectionRefused, told.SocketErrorCode);
        Assert.NotEmpty(node.Alice.Sockets("raw"));
        await node.Server.CloseSpaceAsync(node.Alice.Space);
        Assert.Empty(node.Alice.Sockets("raw", "raw6"));
    }

    [Fact]
    public async Task APodReachesItselfByAServiceInsideItsNamespace()
    {
        await using InsideNode node = new();
        using Socket server = node.Bob.NewSocket(SocketType.Dgram);
        node.RouteToItself(node.Bob, ((IPEndPoint)server.LocalEndPoint!).Port);
        using Socket client = node.Bob.NewSocket(SocketType.Dgram);
        IPEndPoint service = new(IPAddress.Parse("10.96.0.1"), 53);
        client.SendTo([1], service);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        byte[] buffer = new byte[16];
        Assert.Equal(1, server.ReceiveFrom(buffer, ref from));
        Assert.Equal(node.Bob.Address, ((IPEndPoint)from).Address);
        server.SendTo([2], from);
        Assert.Equal(1, client.ReceiveFrom(buffer, ref from));
        Assert.Equal(service, from);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task InAPodsNamespaceNobodyElseIsBelieved()
    {
        await using InsideNode node = new();
        node.Alice.Ip($"address add {node.Bob.Address}/32 dev lo");
        using Socket client = node.Alice.NewSocket(SocketType.Dgram, node.Bob.Address);
        client.SendTo([1], new IPEndPoint(IPAddress.Parse("10.91.0.9"), 53));
        await SocketExtensions.EventuallyAsync(() => !node.Mesh.Failed.IsEmpty);
        Assert.Equal(ProxyFailure.UnknownSource, Assert.Single(node.Mesh.Failed).Failure);
        Assert.Empty(node.Mesh.Opened);
    }
}
