using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>The proxy speaks with clients' ports, and its node has them for itself all the same.</summary>
[Collection(MeshCollection.Name)]
public sealed class TcpPortTests(MeshFixture mesh)
{
    private const int First = 30_000, Count = 100;

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    [Trait("Category", "Attack")]
    public async Task Attack_a_client_leaves_the_servers_node_its_ports(TestFamily family)
    {
        Assert.SkipUnless(Environment.OSVersion.Version >= new Version(6, 3), "needs IP_LOCAL_PORT_RANGE of Linux 6.3");
        var address = MeshFixture.AddressOf(mesh.Far, family);
        List<IPEndPoint> seen = [];
        await using var server = PeerServer.Start(mesh.Far, address, async socket =>
        {
            lock (seen)
            {
                seen.Add((IPEndPoint)socket.RemoteEndPoint!);
            }

            await PeerServer.EchoAsync(socket);
        });
        using var place = NetworkNamespace.OpenPath(mesh.Client.NamespacePath);
        List<Socket> sockets = [];
        var before = await mesh.Node2.Place.ScriptAsync("cat /proc/sys/net/ipv4/ip_local_port_range");
        try
        {
            for (var port = First; port < First + Count; port++)
            {
                sockets.Add(place.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)));
                await BindAsync(sockets[^1], new IPEndPoint(MeshFixture.AddressOf(mesh.Client, family), port));
                await sockets[^1].ConnectAsync(server.EndPoint).WaitAsync(TimeSpan.FromSeconds(10));
                await PeerServer.SendAllAsync(sockets[^1], "x"u8.ToArray());
                Assert.Equal(1, await sockets[^1].ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(10)));
            }

            lock (seen)
            {
                Assert.Equal(Enumerable.Range(First, Count), seen.Select(s => s.Port).Order());
            }

            // As if the client had taken all that there are.
            await mesh.Node2.Place.ScriptAsync($"echo {First} {First + Count - 1} > /proc/sys/net/ipv4/ip_local_port_range");
            using var node = NetworkNamespace.OpenPath(mesh.Node2.Place.NamespacePath);
            using var listener = node.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
            listener.Bind(new IPEndPoint(family == TestFamily.IPv4 ? IPAddress.Loopback : IPAddress.IPv6Loopback, 4321));
            listener.Listen();
            for (var i = 0; i < Count; i++)
            {
                sockets.Add(node.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)));
                await sockets[^1].ConnectAsync(listener.LocalEndPoint!).WaitAsync(TimeSpan.FromSeconds(10));
            }
        }
        finally
        {
            sockets.ForEach(s => s.Dispose());
            await mesh.Node2.Place.ScriptAsync($"echo {before.Trim()} > /proc/sys/net/ipv4/ip_local_port_range");
        }
    }

    // A connection of another test that waits for its last segments (TIME_WAIT) does not keep the port; whoever does is named.
    private async Task BindAsync(Socket socket, IPEndPoint local)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        try
        {
            socket.Bind(local);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            Assert.Fail($"{local} is taken: {await mesh.Client.ScriptAsync($"ss -Htanp 'sport = :{local.Port}'")}");
        }
    }
}
