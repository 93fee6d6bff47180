using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>
/// Connections to a Service by the proxy when their workload leaves the mesh: the programs at its interface no longer give the proxy's answers the Service's address then, so that they are
/// reset before.
/// </summary>
[Collection(MeshCollection.Name)]
public sealed class LeavingTests
{
    private const string Vip4 = "10.96.9.1", Vip6 = "fd96::9:1";
    private const int ServicePort = 80, Port = 8090;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_to_a_Service_is_reset_at_its_client(bool byDetach)
    {
        await using var mesh = await MeshFixture.CreateAsync(new MeshLabOptions());
        var node = mesh.Nodes[0];
        var client = await mesh.AddPodAsync(node, "client", "client");
        var far = await mesh.AddPodAsync(mesh.Nodes[1], "far", "web");
        mesh.Objects.Write("api", MeshObjects.Service("api", "web", ServicePort, Port, Vip4, Vip6));
        await MeshFixture.StartAsync(mesh);
        await node.WaitForServiceAsync("api");
        await using var server4 = PeerServer.Start(far, far.Address4, PeerServer.EchoAsync, Port);
        await using var server6 = PeerServer.Start(far, far.Address6, PeerServer.EchoAsync, Port);
        using var four = await PeerServer.ConnectAsync(client, new IPEndPoint(IPAddress.Parse(Vip4), ServicePort));
        using var six = await PeerServer.ConnectAsync(client, new IPEndPoint(IPAddress.Parse(Vip6), ServicePort));
        Socket[] open = [four, six];
        foreach (var socket in open)
        {
            await socket.SendAsync("still there"u8.ToArray());
            Assert.Equal(11, await socket.ReceiveAsync(new byte[64]).WaitAsync(TimeSpan.FromSeconds(10)));
        }

        if (byDetach)
        {
            var culvert = LabPrograms.Culvert;
            var detach = await node.Place.RunAsync(culvert, ["detach", "--all", "--admin-socket", node.AdminSocket, "--bpffs", node.Place.BpfFolder]);
            Assert.True(detach.Succeeded, detach.Output + detach.Error);
        }
        else
        {
            mesh.Objects.Write("workload-client", MeshObjects.Workload(client, "client").Replace($"  interface: {client.HostInterface}", "  enrolled: false", StringComparison.Ordinal));
        }

        foreach (var socket in open)
        {
            var reset = await Assert.ThrowsAsync<SocketException>(async () => await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(20)));
            Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        }
    }
}
