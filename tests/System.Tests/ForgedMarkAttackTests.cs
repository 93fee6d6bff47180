using System.Net;
using System.Net.Sockets;
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

        await AssertRefusedAsync(Packet.OfUdp((IPEndPoint)client.LocalEndPoint!, echo.EndPoint));

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

        await AssertRefusedAsync(Packet.OfTcp((IPEndPoint)client.LocalEndPoint!, server.EndPoint, TcpFlags.Ack, 10));
    }

    // Sent without a word it would be on its way to the proxy.
    private async Task AssertRefusedAsync(Packet packet)
    {
        var refused = await Assert.ThrowsAsync<SocketException>(() => RawPackets.SendMarkedAsync(mesh.Node1.Place, CvAbi.MarkCapture, packet));
        Assert.Equal(SocketError.NetworkUnreachable, refused.SocketErrorCode);
    }
}
