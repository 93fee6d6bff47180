using System.Net;
using System.Net.Sockets;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>The proxy of an application that wants PROXY headers dies (kill -9): between nodes, see <see cref="LostPeerTests"/>.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class KilledProxyTests(LinkAttackFixture mesh)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(false, true, TestFamily.IPv4)]
    [InlineData(false, false, TestFamily.IPv4)]
    [InlineData(true, true, TestFamily.IPv4)]
    [InlineData(true, false, TestFamily.IPv4)]
    [InlineData(false, true, TestFamily.IPv6)]
    [InlineData(true, true, TestFamily.IPv6)]
    public async Task Its_death_is_a_reset_to_both_ends_and_no_end_of_the_stream(bool fromOutside, bool upload, TestFamily family)
    {
        var ends = new TaskCompletionSource<SocketError>();
        var flowing = new TaskCompletionSource();
        await using var server = PeerServer.Start(
            mesh.Behind,
            MeshFixture.AddressOf(mesh.Behind, family),
            async socket => ends.SetResult(upload ? await EndlessStream.ReceiveAsync(socket, flowing) : await EndlessStream.SendAsync(socket)),
            LinkAttackFixture.Asking);
        using var client = await PeerServer.ConnectAsync(fromOutside ? mesh.External : mesh.Client, new IPEndPoint(server.EndPoint.Address, LinkAttackFixture.Asking));
        var own = upload ? EndlessStream.SendAsync(client) : EndlessStream.ReceiveAsync(client, flowing);
        await flowing.Task.WaitAsync(Limit);
        await mesh.Node1.KillAgentAsync();
        try
        {
            Assert.Equal((SocketError.ConnectionReset, SocketError.ConnectionReset), (await ends.Task.WaitAsync(Limit), await own.WaitAsync(Limit)));
        }
        finally
        {
            await mesh.Node1.StartAgentAsync();
        }
    }
}
