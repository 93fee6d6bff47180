using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>A pod that its node can't capture, as people see it by kubectl.</summary>
[Collection(MeshCollection.Name)]
public sealed class NotCapturedTests(InstalledMesh mesh)
{
    private const string Table = "90";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    /// <summary>As AWS's CNI does with pods that have security groups of their own.</summary>
    [Fact]
    public async Task A_pod_whose_packets_the_node_leads_away_says_so_with_its_node_and_is_out_of_the_mesh_until_they_are_not()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var far = await mesh.ShopPodAsync("web", "node2");
        var uid = await PodFieldAsync("{.metadata.uid}");
        var (machine, link) = await mesh.LinkOfAsync(client);

        try
        {
            // One that is captured already would stay so, and be blocked.
            await mesh.LabelAsync(client, "disabled");
            await LabWait.UntilAsync("it is let go", async () => !await mesh.IsCapturedAsync(client), Deadline);
            await LeadAwayAsync(machine, link);
            await mesh.LabelAsync(client, null);
            await LabWait.UntilAsync("its status says so", async () => await ConditionAsync("status") == "False", Deadline);
            Assert.Equal("NotCaptured", await ConditionAsync("reason"));
            var reason = $"a routing rule leads what comes in by {link} out by {LabNode.Uplink}, what is for shop/{(await mesh.ShopPodAsync("web", "node1")).Name} of this node, too";
            Assert.StartsWith(reason, await ConditionAsync("message"), StringComparison.Ordinal);
            await HasEventAsync("shop", $"involvedObject.uid={uid},type=Warning,reason=NotCaptured", $"can't be captured, and is not in the mesh until it can: {reason}");
            await HasEventAsync("default", "involvedObject.kind=Node,involvedObject.name=node1,type=Warning,reason=NotCaptured", $"1 pod can't be captured and is not in the mesh until it can; shop/{client.Name}: {reason}");

            var workload = Assert.Single((await mesh.StatusAsync("node1"))["workloads"]!.AsArray(), w => w!["uid"]!.GetValue<string>() == $"shop/{client.Name}");
            Assert.Equal("not-captured", workload!["state"]!.GetValue<string>());
            Assert.StartsWith(reason, workload["error"]!.GetValue<string>(), StringComparison.Ordinal);

            // What it says is not the mesh's.
            Assert.Empty(await mesh.AskAsync(client, far.Address));
        }
        finally
        {
            await LeadAwayNoMoreAsync(machine, link);
            await mesh.LabelAsync(client, null);
        }

        await LabWait.UntilAsync("its status says it no more", async () => await ConditionAsync("status") == "", Deadline);
        await HasEventAsync("shop", $"involvedObject.uid={uid},type=Normal,reason=Captured", "can be captured again: it is in the mesh");
        await HasEventAsync("default", "involvedObject.kind=Node,involvedObject.name=node1,type=Normal,reason=Captured", "all pods of the node that are meant to be in the mesh can be captured");
        await mesh.UntilAllIsWellAsync();

        Task<string> ConditionAsync(string field) => PodFieldAsync($"{{.status.conditions[?(@.type==\"culvert.dev/Captured\")].{field}}}");

        Task<string> PodFieldAsync(string path) => mesh.Cluster.KubectlAsync("-n", "shop", "get", "pod", client.Name, "-o", $"jsonpath={path}");
    }

    [Fact]
    public async Task A_member_that_something_of_its_node_has_come_in_the_way_of_stays_guarded_and_an_event_says_so()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var far = await mesh.ShopPodAsync("web", "node2");
        var uid = await mesh.Cluster.KubectlAsync("-n", "shop", "get", "pod", client.Name, "-o", "jsonpath={.metadata.uid}");
        var (machine, link) = await mesh.LinkOfAsync(client);
        try
        {
            await LeadAwayAsync(machine, link);
            await HasEventAsync("shop", $"involvedObject.uid={uid},type=Warning,reason=Blocked", $"stays in the mesh, and what it sends or is sent does not get through: a routing rule leads what comes in by {link} out by {LabNode.Uplink}");
            Assert.Empty(await mesh.AskAsync(client, far.Address));
        }
        finally
        {
            await LeadAwayNoMoreAsync(machine, link);
        }

        await HasEventAsync("shop", $"involvedObject.uid={uid},type=Normal,reason=Captured", "what it sends and is sent gets through again");
        await mesh.UntilAllIsWellAsync();
    }

    /// <summary>Has a rule of the node lead what comes in by a pod's link out of it, also what is for pods of the node.</summary>
    private static Task LeadAwayAsync(Machine machine, string link) =>
        machine.RunAsync("sh", "-euc", $"ip route add 10.91.{machine.Number}.0/24 dev {LabNode.Uplink} table {Table} && ip rule add iif {link} lookup {Table}");

    private static Task LeadAwayNoMoreAsync(Machine machine, string link) => machine.RunAsync("sh", "-euc", $"ip rule delete iif {link} lookup {Table} || :; ip route flush table {Table}");

    private Task HasEventAsync(string ns, string selector, string message) =>
        LabWait.UntilAsync(
            $"there is an event with {selector}",
            async () => (await mesh.Cluster.KubectlAsync("-n", ns, "get", "events", "--field-selector", selector, "-o", "jsonpath={range .items[*]}{.message}{\"\\n\"}{end}")).Split('\n').Any(m => m.StartsWith(message, StringComparison.Ordinal)),
            Deadline);
}
