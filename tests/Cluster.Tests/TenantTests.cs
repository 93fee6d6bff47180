using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>Whoever may write the objects of one namespace is in no other's way.</summary>
[Collection(MeshCollection.Name)]
public sealed class TenantTests(InstalledMesh mesh)
{
    private const string Space = "tenant";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    [Fact]
    [Trait("Category", "Attack")]
    public async Task Attack_a_Workload_claims_interfaces_and_addresses_that_are_others()
    {
        InstalledMesh.SkipUnlessThere();
        var web = await mesh.ShopPodAsync("web", "node1");
        var (_, link) = await mesh.LinkOfAsync(web);
        await mesh.Cluster.ApplyAsync($$"""
            apiVersion: v1
            kind: Namespace
            metadata: {name: {{Space}}}
            ---
            apiVersion: culvert.dev/v1alpha1
            kind: Workload
            metadata: {name: pod, namespace: {{Space}}}
            spec: {node: node1, addresses: [10.91.7.1], interface: {{link}}}
            ---
            apiVersion: culvert.dev/v1alpha1
            kind: Workload
            metadata: {name: uplink, namespace: {{Space}}}
            spec: {node: node1, addresses: [10.91.7.2], interface: {{LabNode.Uplink}}}
            ---
            apiVersion: culvert.dev/v1alpha1
            kind: Workload
            metadata: {name: address, namespace: {{Space}}}
            spec: {node: node2, addresses: [{{web.Address}}]}
            """);
        try
        {
            foreach (var name in new[] { "pod", "uplink", "address" })
                await LabWait.UntilAsync($"{name} does not count", async () => (await ConditionAsync(name, "Accepted")).StartsWith($"False metadata.namespace: Workloads of namespace '{Space}' do not count", StringComparison.Ordinal), Deadline);
            await mesh.UntilAllIsWellAsync();

            // By mistake of who is trusted, too.
            await TrustAsync($"[\"{Space}\"]");
            await LabWait.UntilAsync("the address is the pod's", async () => (await ConditionAsync("address", "Accepted")).Contains($"{web.Address} belongs to Workload shop/{web.Name} already", StringComparison.Ordinal), Deadline);
            foreach (var (name, why) in new[] { ("pod", $"interface {link} leads to {web.Address}, which is no address of the workload"), ("uplink", $"interface {LabNode.Uplink} leads out of the node, by a route with a gateway") })
                await LabWait.UntilAsync($"{name} is not captured", async () => (await ErrorAsync(name)).StartsWith(why, StringComparison.Ordinal), Deadline);
            await mesh.UntilAllIsWellAsync();
        }
        finally
        {
            await TrustAsync("null");
            await mesh.Cluster.DeleteNamespaceAsync(Space);
        }

        Task<string> ConditionAsync(string name, string type) =>
            mesh.Cluster.KubectlAsync("-n", Space, "get", "workload", name, "-o", $"jsonpath={{.status.conditions[?(@.type==\"{type}\")].status}} {{.status.conditions[?(@.type==\"{type}\")].message}}");

        async Task<string> ErrorAsync(string name) =>
            (await mesh.StatusAsync("node1"))["workloads"]!.AsArray().SingleOrDefault(w => w!["uid"]!.GetValue<string>() == $"{Space}/{name}")?["error"]?.GetValue<string>() ?? "";

        Task<string> TrustAsync(string namespaces) => mesh.Cluster.KubectlAsync("patch", "meshconfig", "default", "--type=merge", "-p", $"{{\"spec\":{{\"workloadNamespaces\":{namespaces}}}}}");
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task Attack_Services_have_more_ports_than_there_is_room_for()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        var server = await mesh.ShopPodAsync("web", "node2");
        await mesh.Cluster.KubectlAsync("create", "namespace", Space);
        try
        {
            foreach (var name in new[] { "a", "b", "c" })
                await mesh.Cluster.KubectlAsync("create", "-f", mesh.Cluster.Write($"{name}.yaml", $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {Space}}}\nspec:\n  ports:\n{string.Concat(Enumerable.Range(1, 7000).Select(p => $"  - {{name: p{p}, port: {p}}}\n"))}"));
            await LabWait.UntilAsync("status says that they are closed", async () => (await mesh.StatusAsync("node1"))["objects"]!.ToJsonString().Contains($"Service {Space}/a", StringComparison.Ordinal), Deadline);

            // Nobody else notices: what changes comes into force, and Services of others serve.
            var vip = (await mesh.Cluster.KubectlAsync("-n", "shop", "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")).Trim();
            Assert.Contains("hello", await mesh.AskAsync(client, vip, 80), StringComparison.Ordinal);
            Assert.Contains("hello", await mesh.AskAsync(client, server.Address), StringComparison.Ordinal);
            await mesh.Cluster.ApplyAsync("apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: none, namespace: shop}\nspec: {selector: {matchLabels: {app: web}}, action: DENY, rules: [{to: [{ports: [8080]}]}]}");
            await LabWait.UntilAsync("the policy is in force", async () => (await mesh.AskAsync(client, server.Address)).Length == 0, Deadline);
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("-n", "shop", "delete", "authorizationpolicy", "none", "--ignore-not-found");
            await mesh.Cluster.DeleteNamespaceAsync(Space);
        }

        await LabWait.UntilAsync("status says it no more", async () => !(await mesh.StatusAsync("node1"))["objects"]!.ToJsonString().Contains($"Service {Space}/", StringComparison.Ordinal), Deadline);
        await mesh.UntilAllIsWellAsync();
    }
}
