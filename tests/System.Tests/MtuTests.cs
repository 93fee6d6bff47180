using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class MtuTests
{
    [Theory]
    [InlineData(1280)]
    [InlineData(9000)]
    public async Task Bulk_data_passes_both_paths_with_any_packet_size(int mtu)
    {
        await using var mesh = await MeshFixture.CreateAsync(new MeshLabOptions { Lab = new LabOptions { Mtu = mtu } });
        var client = await mesh.AddPodAsync(mesh.Nodes[0], "client", "client");
        var near = await mesh.AddPodAsync(mesh.Nodes[0], "near", "web");
        var far = await mesh.AddPodAsync(mesh.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(mesh);
        var pattern = new BulkPattern(mtu);
        const long Length = 8L << 20;

        foreach (var address in new[] { near.Address4, near.Address6, far.Address4, far.Address6 })
        {
            var pod = address.Equals(near.Address4) || address.Equals(near.Address6) ? near : far;
            await using var server = PeerServer.Start(pod, address, async socket =>
            {
                await pattern.SendAsync(socket, Length);
                socket.Shutdown(SocketShutdown.Send);
            });
            using var socket = await PeerServer.ConnectAsync(client, server.EndPoint);
            Assert.Equal(Length, await pattern.ReceiveAsync(socket).WaitAsync(TimeSpan.FromSeconds(20)));
        }
    }
}
