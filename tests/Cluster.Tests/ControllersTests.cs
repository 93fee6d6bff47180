using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>Two controllers, of which any serves and one writes statuses.</summary>
[Collection(MeshCollection.Name)]
public sealed class ControllersTests(InstalledMesh mesh)
{
    private const string Controllers = "app.kubernetes.io/name=culvert-controller";

    // A change needs less than one second; a request that is refused ends after 3.
    private static readonly TimeSpan Promptly = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task While_they_are_replaced_no_connection_fails()
    {
        InstalledMesh.SkipUnlessThere();
        List<Asking> asking = [];
        foreach (var from in new[] { "node1", "node2" })
        {
            foreach (var to in new[] { "node1", "node2" }) asking.Add(await Asking.BeginAsync(mesh, await mesh.ShopPodAsync("client", from), (await mesh.ShopPodAsync("web", to)).Address));
        }

        var before = await PodsAsync();
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "restart", "deployment/culvert-controller");
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "deployment/culvert-controller", ClusterLab.KubeletTimeout);
        await LabWait.UntilAsync("those before have ended", async () => !(await PodsAsync()).Intersect(before).Any(), ClusterLab.KubeletDeadline);
        foreach (var ask in asking)
        {
            var (asked, failed) = await ask.EndAsync();
            Assert.True(asked > 0 && failed == 0, $"{asked} asked, {failed} failed");
        }
    }

    [Fact]
    public async Task While_they_are_replaced_changes_reach_agents_all_the_time()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        InstalledMesh.Pod[] servers = await Task.WhenAll(mesh.ShopPodAsync("web", "node1"), mesh.ShopPodAsync("web", "node2"));
        var before = await PodsAsync();
        Assert.Equal(2, before.Length);
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "restart", "deployment/culvert-controller");
        var changes = 0;
        try
        {
            do
            {
                await mesh.Cluster.ApplyAsync(Closed);
                foreach (var server in servers) await LabWait.UntilAsync($"{server.Node} refuses", async () => (await mesh.AskAsync(client, server.Address)).Length == 0, Promptly);
                await DeleteAsync();
                foreach (var server in servers) await LabWait.UntilAsync($"{server.Node} answers", async () => (await mesh.AskAsync(client, server.Address)).Contains("hello", StringComparison.Ordinal), Promptly);
                changes++;
            }
            while ((await PodsAsync()).Intersect(before).Any());
        }
        finally
        {
            await DeleteAsync();
        }

        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "deployment/culvert-controller", ClusterLab.KubeletTimeout);
        Assert.True(changes > 1, "they were replaced before anything was changed");
    }

    [Fact]
    public async Task When_the_one_that_leads_is_killed_the_other_writes_statuses_and_serves()
    {
        InstalledMesh.SkipUnlessThere();
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "deployment/culvert-controller", ClusterLab.KubeletTimeout);

        // One that was told to stop leads until it has served all who did not know yet.
        var leader = "";
        await LabWait.UntilAsync("one of them leads", async () =>
        {
            leader = await LeaderAsync();
            return (await PodsAsync()).AsEnumerable().Contains(leader);
        }, Deadline);
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "delete", "pod", leader, "--grace-period=0", "--force");
        var client = await mesh.ShopPodAsync("client", "node1");
        var server = await mesh.ShopPodAsync("web", "node1");
        await mesh.Cluster.ApplyAsync(Closed);
        try
        {
            await LabWait.UntilAsync("node1 refuses", async () => (await mesh.AskAsync(client, server.Address)).Length == 0, Promptly);
            await LabWait.UntilAsync(
                "its status says that it is in force",
                async () => await mesh.Cluster.KubectlAsync("-n", "shop", "get", "authorizationpolicy", "-o", "jsonpath={.items[?(@.metadata.name==\"closed\")].status.conditions[?(@.type==\"Programmed\")].message}") == "in force on all 2 nodes that have workloads of the mesh",
                Deadline);
        }
        finally
        {
            await DeleteAsync();
        }

        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "deployment/culvert-controller", ClusterLab.KubeletTimeout);
        await mesh.UntilAllIsWellAsync();
    }

    [Fact]
    public async Task What_no_schema_sees_is_refused_before_it_is_stored()
    {
        InstalledMesh.SkipUnlessThere();
        var refused = await Assert.ThrowsAsync<ToolFailedException>(() => mesh.Cluster.ApplyAsync(Closed.Replace("metadata: {name: closed,", "metadata: {name: closed, annotations: {culvert.dev/wieght: \"3\"},", StringComparison.Ordinal)));
        Assert.Contains("The AuthorizationPolicy \"closed\" is invalid: metadata.annotations.culvert.dev/wieght: unknown annotation", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await mesh.Cluster.KubectlAsync("-n", "shop", "get", "authorizationpolicy", "closed", "--ignore-not-found", "-o", "name"));
    }

    [Fact]
    public async Task A_root_that_is_replaced_at_one_is_replaced_at_both_and_nothing_is_interrupted()
    {
        InstalledMesh.SkipUnlessThere();
        await mesh.Cluster.KubectlAsync("-n", "culvert-system", "rollout", "status", "deployment/culvert-controller", ClusterLab.KubeletTimeout);
        var asking = await Asking.BeginAsync(mesh, await mesh.ShopPodAsync("client", "node1"), (await mesh.ShopPodAsync("web", "node2")).Address);
        var pods = await PodsAsync();
        Assert.Contains("in the bundle, signs from", await RootAsync(pods[0], "rotate"), StringComparison.Ordinal);
        await LabWait.UntilAsync("the other one knows it", async () => (await RootAsync(pods[1], "list")).Contains("in the bundle, signs from", StringComparison.Ordinal), Deadline);
        await LabWait.UntilAsync("the ConfigMap has both", async () => (await mesh.Cluster.KubectlAsync("-n", "culvert-system", "get", "configmap", "culvert-roots", "-o", "jsonpath={.data.roots\\.pem}")).Split("BEGIN CERTIFICATE").Length == 3, Deadline);
        var (asked, failed) = await asking.EndAsync();
        Assert.True(asked > 0 && failed == 0, $"{asked} asked, {failed} failed");

        // Join tokens would be one controller's alone.
        var refused = await Assert.ThrowsAsync<ToolFailedException>(() => mesh.Cluster.KubectlAsync("-n", "culvert-system", "exec", pods[0], "--", "culvert-controller", "token", "create", "--node", "n9"));
        Assert.Contains("shares its state with others (the Secret culvert-system/culvert-controller)", refused.Message, StringComparison.Ordinal);
    }

    private const string Closed = """
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: closed, namespace: shop}
        spec:
          selector: {matchLabels: {app: web}}
          action: ALLOW
          rules:
          - from: [{identities: ["spiffe://example.org/ns/shop/sa/nobody"]}]
        """;

    private Task<string> DeleteAsync() => mesh.Cluster.KubectlAsync("-n", "shop", "delete", "authorizationpolicy", "closed", "--ignore-not-found");

    private Task<string> RootAsync(string pod, string verb) => mesh.Cluster.KubectlAsync("-n", "culvert-system", "exec", pod, "--", "culvert-controller", "root", verb);

    private async Task<string> LeaderAsync() =>
        (await mesh.Cluster.KubectlAsync("-n", "culvert-system", "get", "lease", "culvert-controller", "-o", "jsonpath={.spec.holderIdentity}")).Split('_')[0];

    private async Task<string[]> PodsAsync() => (await mesh.Cluster.KubectlAsync("-n", "culvert-system", "get", "pods", "-l", Controllers, "--field-selector", "status.phase=Running", "-o", "jsonpath={.items[*].metadata.name}")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
