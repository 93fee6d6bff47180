using System.Diagnostics;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What an entry of the MeshConfig does to connections that were open, on one node and between two.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class RevocationTests
{
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);

    // A second for the mesh, and as much for a machine that does other things beside it.
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task A_revoked_identity_loses_all_it_has_open_and_can_open_nothing()
    {
        await using var place = await RootLab.StartAsync(lifetime: null);
        var nearPod = await place.Mesh.AddPodAsync(place.Mesh.Nodes[0], "near", "web");
        await using var near = PeerServer.Start(nearPod, nearPod.Address4, PeerServer.EchoAsync);
        await LabWait.UntilAsync("the client reaches a pod of its node", () => CanConnectAsync(place.Client, near), Answer);
        using var toFar = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        using var toNear = await PeerServer.ConnectAsync(place.Client, near.EndPoint);
        await PeerServer.PingAsync(toFar, Answer);
        await PeerServer.PingAsync(toNear, Answer);

        var began = Stopwatch.GetTimestamp();
        place.Mesh.Objects.Write("mesh", MeshObjects.Mesh() + $"  revoked:\n    identities: [{MeshObjects.Identity("client")}]\n");
        await Task.WhenAll(EndAsync(toFar), EndAsync(toNear)).WaitAsync(Answer);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, Soon);

        Assert.False(await CanConnectAsync(place.Client, place.Server));
        Assert.False(await CanConnectAsync(place.Client, near));

        place.Mesh.Objects.Write("mesh", MeshObjects.Mesh());
        await LabWait.UntilAsync("it is let in again", async () => await place.CanConnectAsync() && await CanConnectAsync(place.Client, near), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_workload_with_a_revoked_certificate_is_given_another_and_what_was_open_by_the_old_one_ends()
    {
        await using var place = await RootLab.StartAsync(lifetime: null);
        using var open = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        await PeerServer.PingAsync(open, Answer);
        var stolen = place.Mesh.Nodes[0].KeptCertificates().Single();

        place.Mesh.Objects.Write("mesh", MeshObjects.Mesh() + $"  revoked:\n    serials: [\"{stolen.SerialNumber}\"]\n");
        await LabWait.UntilAsync("the node has another certificate", () => place.Mesh.Nodes[0].KeptCertificates().Single().SerialNumber != stolen.SerialNumber, Answer);
        await LabWait.UntilAsync("new connections are made with it", place.CanConnectAsync, Answer);

        // Its tunnel was made with the old one: who is at its other end may have stolen that.
        await EndAsync(open).WaitAsync(Answer);
    }

    private static async Task EndAsync(Socket socket)
    {
        try
        {
            while (true)
            {
                await PeerServer.PingAsync(socket, Answer);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // what was awaited
        }
    }

    private static async Task<bool> CanConnectAsync(LabPod client, PeerServer server)
    {
        try
        {
            using var socket = await PeerServer.ConnectAsync(client, server.EndPoint);
            await PeerServer.PingAsync(socket, Answer);
            return true;
        }
        catch (SocketException)
        {
            return false; // refused by the mesh
        }
    }
}
