using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>Parts of the mesh that are away, and come back by themselves.</summary>
[Collection(MeshCollection.Name)]
public sealed class OutageTests(InstalledMesh mesh)
{
    [Fact]
    public async Task A_mesh_that_is_gone_as_a_whole_starts_without_anything_of_itself()
    {
        InstalledMesh.SkipUnlessThere();
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "delete", "pods", "--all", "--grace-period=1");
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "daemonset/culvert-agent", ClusterLab.KubeletTimeout);
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "deployment/culvert-controller", ClusterLab.KubeletTimeout);
        await mesh.UntilAllIsWellAsync();
    }

    [Fact]
    public async Task A_node_that_starts_anew_comes_back_with_its_pods_captured_while_the_other_goes_on()
    {
        InstalledMesh.SkipUnlessThere();
        var machine = mesh.Cluster.Machines.Single(m => m.Name == "node2");
        var asking = await Asking.BeginAsync(mesh, await mesh.ShopPodAsync("client", "node1"), (await mesh.ShopPodAsync("web", "node1")).Address);
        var before = await ContainersAsync();

        await mesh.Cluster.RestartAsync(machine);
        await LabWait.UntilAsync("its pods have been started anew", async () => !(await ContainersAsync()).Split(' ').Intersect(before.Split(' ')).Any(), ClusterLab.KubeletDeadline);
        await mesh.Cluster.KubectlAsync("wait", "--for=condition=Ready", "node/node2", ClusterLab.KubeletTimeout);
        foreach (var name in new[] { "web", "client" }) await mesh.Cluster.KubectlAsync("-n", "shop", "rollout", "status", $"daemonset/{name}", ClusterLab.KubeletTimeout);
        await mesh.UntilAllIsWellAsync();
        var (asked, failed) = await asking.EndAsync();
        Assert.True(asked > 0 && failed == 0, $"{asked} asked, {failed} failed");

        Task<string> ContainersAsync() => mesh.Cluster.KubectlAsync("-n", "shop", "get", "pods", "--field-selector", "spec.nodeName=node2", "-o", "jsonpath={.items[*].status.containerStatuses[*].containerID}");
    }

    [Fact]
    public async Task While_the_controller_is_away_traffic_goes_on_and_new_pods_wait_for_it()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "scale", "deployment/culvert-controller", "--replicas=0");
        try
        {
            await mesh.Cluster.KubectlAsync("-n", "culvert-system", "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=culvert-controller", ClusterLab.KubeletTimeout);
            foreach (var node in new[] { "node1", "node2" }) Assert.Contains($"hello from {node}", await mesh.AskAsync(client, (await mesh.ShopPodAsync("web", node)).Address), StringComparison.Ordinal);
            var gone = await mesh.ShopPodAsync("web", "node2");
            await mesh.Cluster.KubectlAsync("-n", "shop", "delete", "pod", gone.Name);
            var next = "";
            await LabWait.UntilAsync(
                "another pod is in its place",
                async () =>
                {
                    var pods = await mesh.Cluster.KubectlAsync("-n", "shop", "get", "pods", "-l", "app=web", "--field-selector", "spec.nodeName=node2", "-o", "jsonpath={.items[*].metadata.name}");
                    next = pods.Split(' ').FirstOrDefault(n => n.Length > 0 && n != gone.Name) ?? "";
                    return next.Length > 0;
                },
                ClusterLab.KubeletDeadline);
            await LabWait.UntilAsync(
                "the new pod is told to wait",
                async () => (await mesh.Cluster.KubectlAsync("-n", "shop", "get", "events", "--field-selector", $"reason=FailedCreatePodSandBox,involvedObject.name={next}", "-o", "jsonpath={.items[*].message}")).Contains("the controller has not told node node2 of it yet", StringComparison.Ordinal),
                ClusterLab.KubeletDeadline);
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("-n", "culvert-system", "scale", "deployment/culvert-controller", "--replicas=2");
        }

        await mesh.Cluster.KubectlAsync("-n", "shop", "rollout", "status", "daemonset/web", ClusterLab.KubeletTimeout);
        await mesh.UntilAllIsWellAsync();
    }

    [Fact]
    public async Task While_the_API_server_is_away_traffic_goes_on_and_afterwards_all_is_caught_up()
    {
        InstalledMesh.SkipUnlessThere();
        var clients = await Task.WhenAll(mesh.ShopPodAsync("client", "node1"), mesh.ShopPodAsync("client", "node2"));
        var server = await mesh.ShopPodAsync("web", "node2");
        var asking = await Task.WhenAll(clients.Select(c => Asking.BeginAsync(mesh, c, server.Address)));
        await mesh.Cluster.StopServerAsync();
        try
        {
            // Longer than leases last, and than watches are resumed without a word.
            await Task.Delay(TimeSpan.FromSeconds(40), TestContext.Current.CancellationToken);
        }
        finally
        {
            await mesh.Cluster.StartServerAsync();
        }

        foreach (var ask in asking)
        {
            var (asked, failed) = await ask.EndAsync();
            Assert.True(asked > 40 && failed == 0, $"{asked} asked, {failed} failed");
        }

        await mesh.Cluster.KubectlAsync("-n", "shop", "delete", "pod", server.Name);
        await mesh.Cluster.KubectlAsync("-n", "shop", "rollout", "status", "daemonset/web", ClusterLab.KubeletTimeout);
        await mesh.UntilAllIsWellAsync();
    }
}
