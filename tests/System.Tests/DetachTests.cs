using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class DetachTests
{
    private static string Culvert => Path.Combine(AppContext.BaseDirectory, "culvert");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Detach_leaves_no_program_pin_rule_or_route_whether_the_agent_lives_or_not(bool agentLives)
    {
        await using var mesh = await MeshFixture.CreateAsync(new MeshLabOptions());
        var node = mesh.Nodes[0];
        var client = await mesh.AddPodAsync(node, "client", "client");
        var near = await mesh.AddPodAsync(node, "near", "web");
        var guest = await mesh.AddPodAsync(node, "guest", "guest");
        await mesh.StartControllerAsync();
        await node.StartAgentAsync();
        await using var server = PeerServer.Start(near, near.Address4, PeerServer.EchoAsync);
        (await PeerServer.ConnectAsync(client, server.EndPoint)).Dispose();
        if (!agentLives)
        {
            await node.KillAgentAsync();
        }

        var detach = await node.Place.RunAsync(Culvert, ["detach", "--all", "--admin-socket", node.AdminSocket, "--bpffs", node.Place.BpfFolder]);

        Assert.True(detach.Succeeded, detach.Output + detach.Error);
        Assert.Contains("removed", detach.Output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(node.Place.BpfFolder)); // the kernel itself puts files there
        Assert.False(Directory.Exists(Path.GetDirectoryName(node.AdminSocket)), "keys, lock or sockets are left in the run folder");
        var links = await node.Place.RunAsync("bpftool", ["-j", "net", "show"]);
        Assert.DoesNotContain("cv_", links.Output, StringComparison.Ordinal);
        Assert.DoesNotContain($"\"netns_ino\":{Inode(node.Place)},\"attach_type\":\"sk_lookup\"", (await node.Place.RunAsync("bpftool", ["-j", "link", "show"])).Output, StringComparison.Ordinal);
        foreach (var family in new[] { "-4", "-6" })
        {
            Assert.DoesNotContain("fwmark", (await node.Place.RunAsync("ip", [family, "rule", "show"])).Output, StringComparison.Ordinal);
            Assert.Empty((await node.Place.RunAsync("ip", [family, "route", "show", "table", "15001"])).Output);
        }

        // Without a mesh there is no policy either.
        (await PeerServer.ConnectAsync(guest, server.EndPoint)).Dispose();
    }

    private static ulong Inode(LabNamespace place)
    {
        using var network = NetworkNamespace.OpenPath(place.NamespacePath);
        return network.Inode;
    }
}
