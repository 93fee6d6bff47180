using System.Net;
using System.Net.Sockets;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>An outsider on the link connects to the tunnel port and keeps the node waiting.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class HandshakeAttackTests(MeshFixture mesh)
{
    private const int TunnelPort = 15008;

    // Of these, all of an attack's connections together may cost so much; before, each cost 100 KB.
    private const int Connections = 6000;
    private const int MostKiB = 96 * 1024;

    [Theory]
    [InlineData(TestFamily.IPv4, 0)]
    [InlineData(TestFamily.IPv4, 4)]
    [InlineData(TestFamily.IPv6, 0)]
    public async Task Six_thousand_peers_that_never_finish_a_handshake_disturb_nobody(TestFamily family, int bytes)
    {
        await using var server = PeerServer.Start(mesh.Far, MeshFixture.AddressOf(mesh.Far, family), PeerServer.EchoAsync);
        await using var requests = Requests.Start(mesh.Client, server.EndPoint);
        await requests.MoreAsync(20);
        var pem = TestAuthority.Of(mesh.Mesh).Issue(mesh.Mesh.Lab.Folder, MeshObjects.Identity("client"), TimeSpan.FromDays(-1), TimeSpan.FromDays(1));
        var before = AgentUsage.Of(mesh.Node2);
        var target = new IPEndPoint(MeshFixture.AddressOf(mesh.Far, family), TunnelPort);
        var attackers = new List<Socket>(Connections);
        try
        {
            for (var wave = 0; wave < 6; wave++)
            {
                attackers.AddRange(await Task.WhenAll(Enumerable.Range(0, Connections / 6).Select(_ => AttackAsync(target, bytes))));

                // A tunnel with a handshake of its own, and streams of tunnels that were there.
                Assert.Equal(200, await TunnelClient.ConnectAsync(mesh.Node1.Place, target.Address, server.EndPoint.Port, pem));
                await requests.MoreAsync(20);
                await mesh.Node2.WaitReadyAsync();
            }

            var during = AgentUsage.Of(mesh.Node2);
            await Requests.ReportAsync($"places for handshakes ({family}, {bytes} bytes sent)", $"{Connections} connections, {during.Descriptors - before.Descriptors} held", requests);
            Assert.InRange(during.ResidentKiB, 0, before.ResidentKiB + MostKiB);
            Assert.InRange(during.Descriptors, 0, before.Descriptors + 2200);
        }
        finally
        {
            attackers.ForEach(s => s.Dispose());
        }

        Assert.InRange(mesh.Node2.Agent!.ReadLog().Split('\n').Count(l => l.Contains("handshake", StringComparison.Ordinal)), 0, 60);
    }

    private async Task<Socket> AttackAsync(IPEndPoint target, int bytes)
    {
        var socket = mesh.Mesh.ControllerPlace.CreateSocket(target.AddressFamily);
        try
        {
            await socket.ConnectAsync(target);
            if (bytes > 0)
            {
                await socket.SendAsync(new byte[] { 22, 3, 1, 2 }.AsMemory(0, bytes));
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            // It has given way to newer ones already.
        }

        return socket;
    }
}
