using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What connect() says of destinations that the client's node knows to be nowhere.</summary>
[Collection(MeshCollection.Name)]
public class RefusedConnectTests(MeshFixture mesh)
{
    private const string Vip4 = "10.98.7.1", Vip6 = "fd98:7::1";

    [Theory]
    [InlineData(Vip4)]
    [InlineData(Vip6)]
    public async Task A_Service_without_endpoints_refuses_connect_itself_as_does_a_port_that_it_does_not_have(string address)
    {
        mesh.Mesh.Objects.Write("nobody", MeshObjects.Service("nobody", "no-such-app", 80, 8080, Vip4, Vip6));
        try
        {
            await mesh.Node1.WaitForServiceAsync("nobody");
            Assert.Equal(SocketError.ConnectionRefused, await ConnectAsync(address, 80));
            Assert.Equal(SocketError.ConnectionRefused, await ConnectAsync(address, 81));
        }
        finally
        {
            mesh.Mesh.Objects.Remove("nobody");
            await mesh.Node1.WaitForServiceAsync("nobody", present: false);
        }
    }

    [Theory]
    [InlineData(Vip4, TestFamily.IPv4)]
    [InlineData(Vip6, TestFamily.IPv6)]
    public async Task A_Service_whose_last_workload_was_taken_away_refuses_the_next_connect(string address, TestFamily family)
    {
        var pod = await mesh.Mesh.AddPodAsync(mesh.Node2, "last-" + family.ToString().ToLowerInvariant(), "last");
        mesh.Mesh.Objects.Write("last", MeshObjects.Service("last", "last", 80, 8080, Vip4, Vip6));
        try
        {
            await using var server = PeerServer.Start(pod, MeshFixture.AddressOf(pod, family), PeerServer.EchoAsync, 8080);
            await mesh.Node1.WaitForServiceAsync("last");
            await LabWait.UntilAsync("the Service answers", async () => await ConnectAsync(address, 80) == SocketError.Success, TimeSpan.FromSeconds(10));
            mesh.Mesh.Objects.Remove("workload-" + pod.Name);
            await LabWait.UntilAsync("the Service has nobody", async () => await ConnectAsync(address, 80) == SocketError.ConnectionRefused, TimeSpan.FromSeconds(10));
        }
        finally
        {
            mesh.Mesh.Objects.Remove("last");
            mesh.Mesh.Objects.Remove("workload-" + pod.Name);
            await mesh.Node1.WaitForServiceAsync("last", present: false);
        }
    }

    private async Task<SocketError> ConnectAsync(string address, int port)
    {
        try
        {
            using var socket = await PeerServer.ConnectAsync(mesh.Client, new IPEndPoint(IPAddress.Parse(address), port));
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }
}
