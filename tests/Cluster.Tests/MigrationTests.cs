using Culvert.ClusterTests.Support;
using Culvert.Labs;

namespace Culvert.ClusterTests;

/// <summary>Objects of SMI and of the Gateway API, of kinds that the cluster gets while the mesh runs.</summary>
[Collection(MeshCollection.Name)]
public sealed class MigrationTests(InstalledMesh mesh, MigrationSpace space) : IClassFixture<MigrationSpace>
{
    private const int Port = InstalledMesh.Port, OtherPort = MigrationSpace.OtherPort;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_TrafficTarget_opens_the_ports_of_its_routes_to_its_sources_until_its_kind_is_taken_away()
    {
        InstalledMesh.SkipUnlessThere();
        var client = await mesh.ShopPodAsync("client", "node1");
        InstalledMesh.Pod[] servers = await Task.WhenAll(mesh.PodAsync(MigrationSpace.Name, "app=one", "node1"), mesh.PodAsync(MigrationSpace.Name, "app=two", "node2"));
        await UntilAsync(Port, true);
        await UntilAsync(OtherPort, true);

        await mesh.Cluster.ApplyAsync($$$"""
            apiVersion: specs.smi-spec.io/v1alpha4
            kind: TCPRoute
            metadata: {name: web, namespace: {{{MigrationSpace.Name}}}}
            spec: {matches: {ports: [{{{Port}}}]}}
            ---
            apiVersion: specs.smi-spec.io/v1alpha4
            kind: UDPRoute
            metadata: {name: web, namespace: {{{MigrationSpace.Name}}}}
            spec: {matches: {ports: [{{{Port}}}]}}
            """);
        try
        {
            await ApplyAsync("shop", "{kind: TCPRoute, name: web}");
            await UntilAsync(OtherPort, false);
            await UntilAsync(Port, true);
            await ApplyAsync("elsewhere", "{kind: TCPRoute, name: web}");
            await UntilAsync(Port, false);
            await ApplyAsync("shop", "{kind: TCPRoute, name: web}, {kind: UDPRoute, name: web}");
            await UntilAsync(Port, true);
            await ApplyAsync("shop", "{kind: UDPRoute, name: web}");
            await UntilAsync(Port, false);

            // Its last good version stays in force.
            await ApplyAsync("shop", "{kind: TCPRoute, name: web, matches: [all]}");
            await LabWait.UntilAsync("it is said what is wrong", async () => (await space.ProblemsOfAsync("TrafficTarget moved/web")).Contains("belongs to HTTPRouteGroups", StringComparison.Ordinal), Deadline);
            await UntilAsync(Port, false);
        }
        finally
        {
            await mesh.Cluster.KubectlAsync("delete", "crd", "traffictargets.access.smi-spec.io", "--timeout=60s");
        }

        await UntilAsync(Port, true);
        await UntilAsync(OtherPort, true);
        await LabWait.UntilAsync("nothing is said of it any more", async () => await space.ProblemsOfAsync("TrafficTarget moved/web") == "", Deadline);
        await space.InstallKindsAsync();

        Task<string> ApplyAsync(string callers, string rules) => mesh.Cluster.ApplyAsync($$"""
            apiVersion: access.smi-spec.io/v1alpha3
            kind: TrafficTarget
            metadata: {name: web, namespace: {{MigrationSpace.Name}}}
            spec:
              destination: {kind: ServiceAccount, name: guarded}
              sources: [{kind: ServiceAccount, name: default, namespace: {{callers}}}]
              rules: [{{rules}}]
            """);

        async Task UntilAsync(int port, bool isOpen)
        {
            foreach (var server in servers)
            {
                await LabWait.UntilAsync($"port {port} of {server.Name} is {(isOpen ? "open" : "closed")}", async () => (await mesh.AskAsync(client, server.Address, port)).Contains($"hello from {server.Name}", StringComparison.Ordinal) == isOpen, Deadline);
            }
        }
    }

    [Fact]
    public async Task Connections_to_a_Service_follow_the_weights_of_a_TCPRoute_which_says_so_and_then_those_of_a_TrafficSplit()
    {
        InstalledMesh.SkipUnlessThere();
        try
        {
            await ApplyRouteAsync("{name: one, port: 80, weight: 0}, {name: two, port: 80}");
            await UntilAnsweredByAsync("two");
            await LabWait.UntilAsync("its status says so", async () => await ConditionAsync("Accepted", "status") == "True" && await ConditionAsync("ResolvedRefs", "status") == "True", Deadline);
            Assert.Equal("front culvert.dev/controller", await RouteFieldAsync("{.status.parents[*].parentRef.name} {.status.parents[*].controllerName}"));
            await ApplyRouteAsync("{name: one, port: 80}, {name: two, port: 80, weight: 0}");
            await UntilAnsweredByAsync("one");
            await ApplyRouteAsync("{name: one, port: 80}, {name: two, port: 80}");
            await UntilAnsweredByAsync("one two");

            await ApplyRouteAsync("{name: one, port: 80}, {name: nobody, port: 80}");
            await LabWait.UntilAsync("what is not there is said", async () => await ConditionAsync("ResolvedRefs", "reason") == "BackendNotFound", Deadline);
            await UntilAnsweredByAsync("one");
            await ApplyRouteAsync("{name: two, port: 80}, {name: web, namespace: shop, port: 80}");
            await LabWait.UntilAsync("what is not allowed is said", async () => await ConditionAsync("Accepted", "reason") == "UnsupportedValue" && await ConditionAsync("ResolvedRefs", "reason") == "RefNotPermitted", Deadline);
            Assert.EndsWith("its last good version is in force", await ConditionAsync("Accepted", "message"), StringComparison.Ordinal);
            await UntilAnsweredByAsync("one");

            // Routes of the Gateway API count before it, and of two the older one.
            await ApplyRouteAsync("{name: one, port: 80}");
            await ApplySplitAsync("front", "{service: two, weight: 1}, {service: one, weight: 0}");
            await LabWait.UntilAsync("it is said which one counts", async () => (await space.ProblemsOfAsync("TrafficSplit moved/front")).Contains("TCPRoute moved/front", StringComparison.Ordinal), Deadline);
            await UntilAnsweredByAsync("one");
            await DeleteAsync("tcproutes.gateway.networking.k8s.io");
            await UntilAnsweredByAsync("two");
            await ApplySplitAsync("front", "{service: two, weight: 1}, {service: one, weight: 1}");
            await UntilAnsweredByAsync("one two");
            await ApplySplitAsync("front", "{service: two, weight: 1}], matches: [{apiGroup: example.org, kind: HTTPRouteGroup, name: canary}");
            await LabWait.UntilAsync("what is wrong is said", async () => (await space.ProblemsOfAsync("TrafficSplit moved/front")).Contains("is not specs.smi-spec.io", StringComparison.Ordinal), Deadline);
        }
        finally
        {
            await DeleteAsync("tcproutes.gateway.networking.k8s.io");
            await DeleteAsync("trafficsplits.split.smi-spec.io");
        }

        await UntilAnsweredByAsync("");

        Task<string> DeleteAsync(string kind) => mesh.Cluster.KubectlAsync("-n", MigrationSpace.Name, "delete", kind, "front", "--ignore-not-found");
    }

    // A Gateway is another controller's, which says what it likes of it.
    private Task<string> ApplyRouteAsync(string backends) => mesh.Cluster.ApplyAsync($$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: TCPRoute
        metadata: {name: front, namespace: {{MigrationSpace.Name}}}
        spec:
          parentRefs: [{name: edge}, {group: "", kind: Service, name: front, port: 80}]
          rules: [{backendRefs: [{{backends}}]}]
        """);

    private Task<string> ApplySplitAsync(string service, string backends) => mesh.Cluster.ApplyAsync($$"""
        apiVersion: split.smi-spec.io/v1alpha4
        kind: TrafficSplit
        metadata: {name: front, namespace: {{MigrationSpace.Name}}}
        spec: {service: {{service}}, backends: [{{backends}}]}
        """);

    private Task<string> ConditionAsync(string type, string field) => RouteFieldAsync($"{{.status.parents[?(@.controllerName==\"culvert.dev/controller\")].conditions[?(@.type==\"{type}\")].{field}}}");

    private Task<string> RouteFieldAsync(string path) => mesh.Cluster.KubectlAsync("-n", MigrationSpace.Name, "get", "tcproutes.gateway.networking.k8s.io", "front", "-o", $"jsonpath={path}");

    /// <summary>Waits until 24 connections to the Service <c>front</c> from either node are answered by these servers, each of them, and by no other.</summary>
    private async Task UntilAnsweredByAsync(string servers)
    {
        var address = await mesh.Cluster.KubectlAsync("-n", MigrationSpace.Name, "get", "service", "front", "-o", "jsonpath={.spec.clusterIP}");
        foreach (var node in new[] { "node1", "node2" })
        {
            var client = await mesh.ShopPodAsync("client", node);
            await LabWait.UntilAsync($"those of {node} are answered by '{servers}'", async () => string.Join(' ', (await AskOftenAsync(client)).Order(StringComparer.Ordinal)) == servers, Deadline);
        }

        async Task<IEnumerable<string>> AskOftenAsync(InstalledMesh.Pod client) =>
            from line in (await mesh.ScriptAsync(client, $"i=0; while [ $i -lt 24 ]; do {InstalledMesh.Request(address, 80)}; i=$((i+1)); done 2> /dev/null; true")).Split('\n')
            where line.StartsWith("hello from ", StringComparison.Ordinal)
            group line by line["hello from ".Length..].Trim() into answers
            select answers.Key;
    }
}
