using System.Net.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>The root of a running mesh is replaced: what connections, nodes and an agent that was away meanwhile see of it.</summary>
[Collection(MeshCollection.Name)]
public sealed class RootReplacementTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Answer = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_root_is_replaced_without_a_failed_request_and_an_agent_that_was_away_comes_back()
    {
        await using var place = await RootLab.StartAsync(lifetime: "10s", "--root-activation-seconds", "2");
        using var longLived = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        await PeerServer.PingAsync(longLived, Answer);
        await using var requests = Requests.Start(place.Client, place.Server.EndPoint);
        await place.Away.StopAgentAsync();

        var old = await place.SigningRootAsync();
        await place.Mesh.RunControllerVerbAsync(["root", "rotate"]);
        await LabWait.UntilAsync("the old root has left the bundle", async () => (await place.RootLineAsync(old)).Contains("left the bundle", StringComparison.Ordinal), Limit);
        await place.WaitForOneRootAsync(place.Mesh.Nodes.Except([place.Away]));

        await PeerServer.PingAsync(longLived, Answer);
        await requests.MoreAsync(20);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);

        // Each has had some ten certificates of its own by now; the controller lets a node have 16 connections.
        Assert.All(place.Mesh.Nodes.Except([place.Away]), n => Assert.InRange(RootLab.ConnectionsToController(n), 1, 6));

        // Its token is used up, its certificate has ended, and the root below which it was is gone.
        await place.Away.StartAgentAsync();
        await place.WaitForOneRootAsync([place.Away]);
        await place.WaitForCertificateAsync(place.Away);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task What_a_removed_root_has_signed_is_trusted_by_nobody_and_no_node_has_to_join_again()
    {
        await using var place = await RootLab.StartAsync(lifetime: null);
        using var longLived = await PeerServer.ConnectAsync(place.Client, place.Server.EndPoint);
        await PeerServer.PingAsync(longLived, Answer);
        await place.Away.StopAgentAsync();

        var stolen = await place.SigningRootAsync();
        await place.Mesh.RunControllerVerbAsync(["root", "rotate", "--now"]);
        await place.Mesh.RunControllerVerbAsync(["root", "remove", stolen]);
        await place.WaitForOneRootAsync(place.Mesh.Nodes.Except([place.Away]));
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            while (true)
            {
                await PeerServer.PingAsync(longLived, Answer);
            }
        }).WaitAsync(Limit);

        // By certificates below the new root: the agents know no other.
        await LabWait.UntilAsync("a connection is made again", place.CanConnectAsync, Limit);
        await using var requests = Requests.Start(place.Client, place.Server.EndPoint);
        await requests.MoreAsync(20);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);

        await place.Away.StartAgentAsync();
        await place.WaitForOneRootAsync([place.Away]);
        await place.WaitForCertificateAsync(place.Away);
    }
}
