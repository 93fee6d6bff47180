using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>A program of the node that may set marks (CAP_NET_RAW) sends packets as if they had been captured from a pod.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class ForgedMarkAttackTests(LinkAttackFixture mesh)
{
    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Attack_a_datagram_with_the_capture_mark_does_not_go_in_a_pods_session(TestFamily family)
    {
        await using var echo = UdpPeer.StartEcho(mesh.Far, family);
        using var client = UdpPeer.Connect(mesh.Client, echo.EndPoint);
        await UdpPeer.ExchangeAsync(client, new byte[10]);

        await AssertNotProxiedAsync(Packet.OfUdp((IPEndPoint)client.LocalEndPoint!, echo.EndPoint));

        await UdpPeer.ExchangeAsync(client, new byte[10]);
        Assert.Equal(2, echo.Received);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Attack_a_segment_with_the_capture_mark_does_not_go_into_a_pods_connection(TestFamily family)
    {
        await using var server = PeerServer.Start(mesh.Far, MeshFixture.AddressOf(mesh.Far, family), PeerServer.EchoAsync);
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);

        await AssertNotProxiedAsync(Packet.OfTcp((IPEndPoint)client.LocalEndPoint!, server.EndPoint, TcpFlags.Ack, 10));

        await PeerServer.SendAllAsync(client, "own"u8.ToArray());
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal("own", Encoding.ASCII.GetString(await PeerServer.ReceiveAllAsync(client)));
    }

    // It is routed as any packet of the node: to the other node, which does not believe its source.
    private async Task AssertNotProxiedAsync(Packet packet)
    {
        var before = await LinkAttackFixture.DropsAsync(mesh.Node2, "spoofed-source");
        await RawPackets.SendMarkedAsync(mesh.Node1.Place, CvAbi.MarkCapture, packet);
        await LinkAttackFixture.WaitForDropsAsync(mesh.Node2, "spoofed-source", before + 1);
    }
}
