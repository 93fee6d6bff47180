using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class DatagramTests(MeshFixture mesh)
{
    [Theory]
    [InlineData(TestFamily.IPv4, 100)]
    [InlineData(TestFamily.IPv4, 4000)]
    [InlineData(TestFamily.IPv4, 60_000)]
    [InlineData(TestFamily.IPv6, 4000)]
    [InlineData(TestFamily.IPv6, 60_000)]
    public async Task A_datagram_in_fragments_passes_between_pods_of_a_node_and_back(TestFamily family, int size)
    {
        using var server = Bind(mesh.Open, family);
        using var client = Bind(mesh.Client, family);
        var message = new byte[size];
        new Random(size).NextBytes(message);
        var buffer = new byte[65_536];
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5));

        await client.SendToAsync(message, server.LocalEndPoint!, deadline.Token);
        var request = await server.ReceiveFromAsync(buffer, client.LocalEndPoint!, deadline.Token);
        Assert.Equal(message, buffer[..request.ReceivedBytes]);
        Assert.Equal(client.LocalEndPoint, request.RemoteEndPoint);

        await server.SendToAsync(message, request.RemoteEndPoint, deadline.Token);
        var answer = await client.ReceiveFromAsync(buffer, server.LocalEndPoint!, deadline.Token);
        Assert.Equal(message, buffer[..answer.ReceivedBytes]);
    }

    private static Socket Bind(LabPod pod, TestFamily family)
    {
        var address = MeshFixture.AddressOf(pod, family);
        using var place = NetworkNamespace.OpenPath(pod.NamespacePath);
        var socket = place.Run(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(address, 0));
        return socket;
    }
}
