using System.Net;
using System.Text.Json;
using Culvert.Controller.Objects;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Core;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>What <c>deploy/controller</c> lets a controller do in a cluster: what it needs, and nothing else.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class RolesTests(TestCluster cluster)
{
    private const string Space = "culvert-system";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AControllerUsesEveryVerbOfItsRolesAndIsRefusedNothing()
    {
        await cluster.InstallControllerAsync();
        await cluster.Server.KubectlAsync("", "delete", "lease", "-n", Space, "--ignore-not-found", "culvert-controller");
        ApiKind[] optional = [.. OptionalKind.All.Select(k => k.In(k.Versions[0]))];
        foreach (ApiKind kind in optional) await cluster.InstallWithoutSchemaAsync(kind.Type);
        string ns = await cluster.NamespaceAsync();
        try
        {
            await WriteOneOfEachAsync(ns);
            int seen = cluster.Audited().Count;
            KubernetesOptions options = cluster.Options(await cluster.TokenAsync(Space, "culvert-controller"));
            await using RunningOnCluster controller = await RunningOnCluster.StartAsync(options, null, o => o with { ServiceAccountTokens = new(), RootsConfigMap = new(Space, "culvert-roots"), ProgressConfigMap = new(Space, "culvert-progress"), StateSecret = new(Space, "culvert-controller"), Admission = new(new(IPAddress.Loopback, 0)) { Configuration = new("culvert-controller") } });
            await controller.SnapshotAsync(s => s.Workloads.ContainsKey($"{ns}/w"));
            await JoinAsync(controller, "agent-a");
            await RefuseAsync(controller, ns);

            (HashSet<string> everywhere, HashSet<string> here) = await GrantedAsync();
            string[] unused = [];
            await Soon.Holds("every verb has been used", () =>
            {
                // What a rule for this namespace allows needs none for all.
                Request[] asked = [.. Requests(cluster.Audited().Skip(seen))];
                HashSet<string> ours = [.. asked.SelectMany(r => r.InNamespace).Where(here.Contains)];
                HashSet<string> others = [.. asked.Where(r => !r.InNamespace.Any(here.Contains)).SelectMany(r => r.Anywhere)];
                unused = [.. everywhere.Except(others), .. here.Except(ours)];
                return unused.Length == 0;
            }, () => string.Join('\n', unused));
            JsonElement[] refused = [.. cluster.Audited().Skip(seen).Where(e => e.TryGetProperty("responseStatus", out JsonElement status) && status.GetProperty("code").GetInt32() == 403)];
            Assert.True(refused.Length == 0, string.Join('\n', refused));
        }
        finally
        {
            foreach (ApiKind kind in optional) await cluster.UninstallAsync(kind);
            await cluster.Server.KubectlAsync("", "delete", "meshconfig", "default");

            // Others look for statuses that can't be written.
            await cluster.Server.KubectlAsync("", "delete", "authorizationpolicies,peerauthentications,trafficpolicies,workloads", "--all", "-n", ns);
        }
    }

    // Of those with a status, so that there is one to write.
    private Task WriteOneOfEachAsync(string ns) => cluster.KubectlAsync($$$"""
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata: {name: default}
        spec: {defaultAction: ALLOW}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: p, namespace: {{{ns}}}}
        spec: {action: ALLOW, rules: [{}]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: PeerAuthentication
        metadata: {name: p, namespace: {{{ns}}}}
        spec: {mtls: {mode: STRICT}}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: p, namespace: {{{ns}}}}
        spec: {targetRef: {kind: Service, name: web}, loadBalancing: [{protocol: TCP, mode: LEAST_CONNECTIONS}]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: w, namespace: {{{ns}}}}
        spec: {node: n9, addresses: [10.99.0.1]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: {{{ns}}}}
        spec: {ports: [{name: http, port: 80}]}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: TCPRoute
        metadata: {name: r, namespace: {{{ns}}}}
        spec: {parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: UDPRoute
        metadata: {name: r, namespace: {{{ns}}}}
        spec: {parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}
        """);

    private async Task JoinAsync(RunningOnCluster controller, string pod)
    {
        await cluster.KubectlAsync($"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: culvert-agent, namespace: {Space}}}");
        await cluster.PodAsync(Space, pod, "192.0.2.8", spec: "hostNetwork: true, serviceAccountName: culvert-agent,");
        using FakeAgent agent = FakeAgent.OverTls(controller.Host, "n1");
        Assert.NotNull(await agent.JoinAsync(await cluster.TokenAsync(Space, "culvert-agent", "culvert-controller", pod)));
    }

    private async Task RefuseAsync(RunningOnCluster controller, string ns)
    {
        await cluster.PodAsync(ns, "web", "10.99.0.2");
        await controller.SnapshotAsync(s => s.Workloads.ContainsKey($"{ns}/web"));
        using FakeAgent agent = FakeAgent.OverSocket(controller.Socket, "n1");
        await agent.ReportAsync($"{ns}/web");
        await controller.SnapshotAsync(s => s.Workloads[$"{ns}/web"].EnrolmentRefused);
        await cluster.Server.KubectlAsync("", "delete", "pod", "web", "-n", ns, "--force", "--grace-period=0");
    }

    private async Task<(HashSet<string> Everywhere, HashSet<string> Here)> GrantedAsync()
    {
        HashSet<string> here = [.. await RulesAsync("role")];

        // From then on a token says of which node its pod is.
        if (cluster.Minor >= 30) here.RemoveWhere(r => r.StartsWith("get pods.", StringComparison.Ordinal));
        return ([.. await RulesAsync("clusterrole")], here);

        async Task<IEnumerable<string>> RulesAsync(string kind)
        {
            JsonElement role = JsonDocument.Parse(await cluster.Server.KubectlAsync("", "get", kind, "culvert-controller", "-n", Space, "-o", "json")).RootElement;
            return
                from rule in role.GetProperty("rules").EnumerateArray()
                from api in Texts(rule, "apiGroups")
                from resource in Texts(rule, "resources")
                from verb in Texts(rule, "verbs")
                from name in rule.TryGetProperty("resourceNames", out JsonElement _) ? Texts(rule, "resourceNames").Select(n => $" {n}") : [""]
                select $"{verb} {resource}.{api}{name}";
        }
    }

    // What others than this one's rules allow, such as discovery, is about no resource.
    private static IEnumerable<Request> Requests(IEnumerable<JsonElement> entries) =>
        from entry in entries
        where entry.TryGetProperty("objectRef", out JsonElement _)
        let asked = entry.GetProperty("objectRef")
        let part = asked.TryGetProperty("subresource", out JsonElement sub) ? $"/{sub.GetString()}" : ""
        let what = $"{entry.GetProperty("verb").GetString()} {asked.GetProperty("resource").GetString()}{part}.{(asked.TryGetProperty("apiGroup", out JsonElement api) ? api.GetString() : "")}"
        let named = $"{what} {(asked.TryGetProperty("name", out JsonElement name) ? name.GetString() : "")}"
        let isHere = asked.TryGetProperty("namespace", out JsonElement space) && space.GetString() == Space
        select new Request([what, named], isHere ? [what, named] : []);

    private static IEnumerable<string> Texts(JsonElement rule, string name) => rule.GetProperty(name).EnumerateArray().Select(e => e.GetString()!);

    /// <summary>What was asked, as rules say it.</summary>
    /// <param name="Anywhere">In a rule for all namespaces, without and with the name of the object.</param>
    /// <param name="InNamespace">The same in one for the controller's own; none where it was asked elsewhere.</param>
    private sealed record Request(string[] Anywhere, string[] InNamespace);
}
