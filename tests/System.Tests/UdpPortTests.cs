using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>The proxy speaks with the ports of others; programs of the node, and of pods, that have the same ones are no hindrance.</summary>
[Collection(MeshCollection.Name)]
public class UdpPortTests(MeshFixture mesh)
{
    [Theory]
    [InlineData(TestFamily.IPv4, 10)]
    [InlineData(TestFamily.IPv4, 5000)]
    [InlineData(TestFamily.IPv6, 10)]
    [InlineData(TestFamily.IPv6, 5000)]
    public async Task Answers_reach_a_client_where_programs_have_the_servers_port(TestFamily family, int bytes)
    {
        await using var server = UdpPeer.StartEcho(mesh.Far, family);
        using Socket node = Take(mesh.Node1.Place, server.EndPoint.Port), pod = Take(mesh.Client, server.EndPoint.Port);
        using var client = UdpPeer.Connect(mesh.Client, server.EndPoint);
        for (var i = 0; i < 10; i++)
        {
            await UdpPeer.ExchangeAsync(client, Message(bytes, i));
        }

        Assert.Equal(0, node.Available + pod.Available);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_port_is_taken_where_there_are_many_answers_and_given_back(TestFamily family)
    {
        await using var server = UdpPeer.StartEcho(mesh.Far, family);
        using (var client = UdpPeer.Connect(mesh.Client, server.EndPoint))
        {
            await UdpPeer.ExchangeAsync(client, [0]);
            Assert.Equal(0, await SocketsAsync(server.EndPoint.Port));

            // As many at once as the client's buffer takes; whoever gets another's answer, or none, fails.
            for (var i = 0; i < 4000; i += 100)
            {
                for (var k = i; k < i + 100; k++)
                {
                    await client.SendAsync(BitConverter.GetBytes(k));
                }

                for (var k = i; k < i + 100; k++)
                {
                    Assert.Equal(BitConverter.GetBytes(k), (await ReceiveAsync(client, family)).Message);
                }
            }

            Assert.Equal(1, await SocketsAsync(server.EndPoint.Port));
        }

        // With policy for it gone, the session ends.
        mesh.Mesh.Objects.Write("no-udp", $"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: no-udp, namespace: {MeshObjects.Namespace}}}\nspec: {{action: DENY, rules: [{{to: [{{ports: [{server.EndPoint.Port}]}}]}}]}}\n");
        try
        {
            await LabWait.UntilAsync("the port is given back", async () => await SocketsAsync(server.EndPoint.Port) == 0, TimeSpan.FromSeconds(15));
        }
        finally
        {
            mesh.Mesh.Objects.Remove("no-udp");
        }
    }

    // Those of the proxy towards clients: it has them where they are captured, at the node or in the client's own namespace.
    private async Task<int> SocketsAsync(int port)
    {
        var count = 0;
        foreach (LabNamespace place in new LabNamespace[] { mesh.Node1.Place, mesh.Client })
        {
            count += (await place.ScriptAsync($"ss -Huan 'sport = :{port}'")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
        }

        return count;
    }

    [Theory]
    [InlineData(TestFamily.IPv4, 10)]
    [InlineData(TestFamily.IPv4, 5000)]
    [InlineData(TestFamily.IPv6, 10)]
    [InlineData(TestFamily.IPv6, 5000)]
    public async Task A_server_sees_the_clients_port_where_programs_have_it(TestFamily family, int bytes)
    {
        using var server = UdpPeer.Bind(mesh.Far, family);
        using var client = UdpPeer.Connect(mesh.Client, (IPEndPoint)server.LocalEndPoint!);
        var from = (IPEndPoint)client.LocalEndPoint!;
        using Socket node = Take(mesh.Node2.Place, from.Port), pod = Take(mesh.Far, from.Port);
        for (var i = 0; i < 10; i++)
        {
            var message = Message(bytes, i);
            await client.SendAsync(message);
            var (read, seen) = await ReceiveAsync(server, family);
            Assert.Equal(message, read);
            Assert.Equal(from, seen);
            await server.SendToAsync(message, SocketFlags.None, seen);
            Assert.Equal(message, (await ReceiveAsync(client, family)).Message);
        }

        Assert.Equal(0, node.Available + pod.Available);
    }

    // As programs do that want the port for themselves: at any address of any family, without SO_REUSEADDR.
    private static Socket Take(LabNamespace place, int port)
    {
        using var there = NetworkNamespace.OpenPath(place.NamespacePath);
        return there.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp) { DualMode = true };
            socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            return socket;
        });
    }

    private static async Task<(byte[] Message, IPEndPoint From)> ReceiveAsync(Socket socket, TestFamily family)
    {
        var buffer = new byte[65_536];
        var any = new IPEndPoint(family == TestFamily.IPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0);
        var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, any).WaitAsync(TimeSpan.FromSeconds(10) * LabWait.Patience);
        return (buffer[..received.ReceivedBytes], (IPEndPoint)received.RemoteEndPoint);
    }

    private static byte[] Message(int bytes, int number)
    {
        var message = new byte[bytes];
        new Random(number).NextBytes(message);
        return message;
    }
}
