using System.Text.RegularExpressions;
using Culvert.ClusterTests.Support;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>One version in the place of another, by <c>culvert upgrade</c>.</summary>
[Collection(MeshCollection.Name)]
public sealed partial class UpgradeTests(InstalledMesh mesh)
{
    [Fact]
    public async Task An_upgrade_keeps_options_while_pods_of_a_node_reach_each_other()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var asking = await Asking.BeginAsync(mesh, client, (await mesh.ShopPodAsync("web", "node1")).Address);

        var told = await mesh.UpgradeToNextAsync();
        Assert.Contains("ready    DaemonSet culvert-agent: 2 of 2 ready", told, StringComparison.Ordinal);
        var (asked, failed) = await asking.EndAsync();
        Assert.True(asked > 0 && failed == 0, $"{asked} asked, {failed} failed");
        Assert.Equal($"localhost/culvert-agent:{InstalledMesh.Next} {InstalledMesh.ControllerAddress}", await ImageAndAddressAsync());

        await mesh.Cluster.CulvertAsync("upgrade");
        Assert.Equal($"localhost/culvert-agent:{InstalledMesh.Version} {InstalledMesh.ControllerAddress}", await ImageAndAddressAsync());
        Assert.Contains("hello from node2", await mesh.AskAsync(client, (await mesh.ShopPodAsync("web", "node2")).Address), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_agents_are_replaced_no_connection_waits_or_fails_on_a_node_or_between_nodes()
    {
        InstalledMesh.SkipUnlessThere();

        // Kubernetes 1.20 ends a DaemonSet's pod before it starts the next: between nodes there is a pause then.
        Asking[] asking = [.. await Task.WhenAll(
            from client in new[] { "node1", "node2" } from server in new[] { "node1", "node2" } where client == server || !KubernetesBinaries.IsOld select AskAsync(client, server))];

        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "restart", "daemonset/culvert-agent");
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "daemonset/culvert-agent", ClusterLab.KubeletTimeout);
        await LabWait.UntilAsync("the agents before have ended", async () => (await mesh.Cluster.KubectlAsync("-n", "culvert-system", "get", "pods", "-l", "app.kubernetes.io/name=culvert-agent", "-o", "name")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length == 2, ClusterLab.KubeletDeadline);
        foreach (var ask in asking)
        {
            var (asked, failed) = await ask.EndAsync();
            Assert.True(asked > 0 && failed == 0, $"{asked} asked, {failed} failed");
        }

        async Task<Asking> AskAsync(string client, string server) => await Asking.BeginAsync(mesh, await mesh.ShopPodAsync("client", client), (await mesh.ShopPodAsync("web", server)).Address);
    }

    [Fact]
    public async Task An_upgrade_that_can_not_succeed_says_why_and_leaves_the_agents_alone()
    {
        InstalledMesh.SkipUnlessThere();
        var agent = await mesh.AgentAsync("node1");
        var failed = await Assert.ThrowsAsync<ToolFailedException>(() => mesh.Cluster.CulvertAsync("upgrade", "--image-tag", "nowhere", "--timeout", "15"));
        Assert.Contains("Deployment culvert-controller is not ready after 15 s: 0 of 2 ready", failed.Message, StringComparison.Ordinal);
        Assert.True(OnNode().IsMatch(failed.Message), failed.Message);
        Assert.Equal(agent, await mesh.AgentAsync("node1"));

        var refused = await Assert.ThrowsAsync<ToolFailedException>(() => mesh.Cluster.CulvertAsync("install"));
        Assert.Contains($"installed already, with other options: --controller-address {InstalledMesh.ControllerAddress}", refused.Message, StringComparison.Ordinal);
        var planned = await mesh.Cluster.CulvertAsync("upgrade", "--dry-run", "--image-tag", "planned");
        Assert.Contains($"clusterIP: {InstalledMesh.ControllerAddress}", planned.Replace("\"", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("localhost/culvert-agent:planned", planned, StringComparison.Ordinal);
        await mesh.Cluster.CulvertAsync("upgrade");
        Assert.Equal(agent, await mesh.AgentAsync("node1"));
    }

    [GeneratedRegex("culvert-controller-[a-z0-9-]+ on node[12]: (ErrImagePull|ImagePullBackOff): ")]
    private static partial Regex OnNode();

    private async Task<string> ImageAndAddressAsync() =>
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "get", "daemonset/culvert-agent", "-o", "jsonpath={.spec.template.spec.containers[0].image}") + " "
        + await mesh.Cluster.KubectlAsync("-n", "culvert-system", "get", "service/culvert-controller", "-o", "jsonpath={.spec.clusterIP}");
}
