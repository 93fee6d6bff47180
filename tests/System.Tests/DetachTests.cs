using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class DetachTests
{
    private static string Culvert => LabPrograms.Culvert;

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

    [Fact]
    public async Task Detach_of_one_agent_leaves_the_rules_and_routes_that_another_uses()
    {
        await using var mesh = await MeshFixture.CreateAsync(new MeshLabOptions());
        var node = mesh.Nodes[0];
        await mesh.StartControllerAsync();
        await node.StartAgentAsync();
        var routing = await RoutingAsync(node.Place);
        var run = Path.Combine(node.Place.Folder, "second-run");
        await using var second = node.Place.Start(
            "second",
            mesh.Options.Agent,
            "run", "--node", "second", "--bpffs", Path.Combine(node.Place.Folder, "second-bpf"), "--run-dir", run, "--state-dir", Path.Combine(node.Place.Folder, "second-state"),
            "--controller", "unix:///nonexistent.sock", "--metrics", "127.0.0.1:15120", "--readiness", "127.0.0.1:15121", "--outbound-port", "15101", "--udp-port", "15103", "--tunnel-port", "15108", "--uplink", "lo");
        string[] places = ["--admin-socket", Path.Combine(run, "agent.sock"), "--bpffs", Path.Combine(node.Place.Folder, "second-bpf")];
        await LabWait.UntilAsync("the second agent answers", async () => (await node.Place.RunAsync(Culvert, ["version", .. places[..2]])).Output.Contains("agent ", StringComparison.Ordinal) && File.Exists(places[1]), TimeSpan.FromSeconds(30), second);

        // First by the agent itself, then when there is none of these places.
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var detach = await node.Place.RunAsync(Culvert, ["detach", "--all", .. places]);

            Assert.True(detach.Succeeded, detach.Output + detach.Error);
            Assert.Contains("kept    rules and routes of table 15001: another agent", detach.Output, StringComparison.Ordinal);
            Assert.DoesNotContain("removed rule", detach.Output, StringComparison.Ordinal);
            Assert.Equal(routing, await RoutingAsync(node.Place));
        }

        Assert.Equal(0, (await node.MetricsAsync()).Sum("culvert_routing_restored_total")); // it had nothing to put back
        var last = await node.Place.RunAsync(Culvert, ["detach", "--all", "--admin-socket", node.AdminSocket, "--bpffs", node.Place.BpfFolder]);
        Assert.True(last.Succeeded, last.Output + last.Error);
        Assert.Empty(await RoutingAsync(node.Place));
    }

    private static Task<string> RoutingAsync(LabNode place) =>
        place.ScriptAsync("for f in -4 -6; do ip $f rule show | grep 15001 || true; ip $f route show table 15001 2>/dev/null || true; done");

    private static ulong Inode(LabNamespace place)
    {
        using var network = NetworkNamespace.OpenPath(place.NamespacePath);
        return network.Inode;
    }
}
