using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Core;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>What a controller writes into the status of objects.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class ClusterStatusTests(TestCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>With agents of the nodes of which tests have left pods in the cluster.</summary>
    private async Task<RunningOnCluster> ControllerAsync(string token = ApiServer.AdminToken, ILoggerFactory? loggers = null)
    {
        RunningOnCluster controller = await cluster.ControllerAsync(token, loggers);
        await controller.FollowAsync("n1", "n2");
        return controller;
    }

    [Fact]
    public async Task AnObjectSaysWhetherItIsAcceptedAndInForceAndOfWhichGeneration()
    {
        await using RunningOnCluster controller = await ControllerAsync();
        string ns = await cluster.NamespaceAsync();
        await ApplyAsync(ns, "p", "ALLOW");
        await StatusAsync(ns, "p", "Accepted=True/Accepted@1 Programmed=True/InForce@1");
        await ApplyWrongAsync(ns, "p");
        ApiDocument bad = await StatusAsync(ns, "p", "Accepted=False/Invalid@2 Programmed=False/LastGoodInForce@2");
        Assert.Equal("2", await cluster.Server.KubectlAsync("", "get", "authorizationpolicy", "p", "-n", ns, "-o", "jsonpath={.status.observedGeneration}"));
        Assert.Equal("spec.rules[0].from[0].ipBlocks[0]: '1:2:3' is not an IP address or prefix", bad.Conditions[0].Message);
        await ApplyWrongAsync(ns, "q");
        await StatusAsync(ns, "q", "Accepted=False/Invalid@1 Programmed=False/NotInForce@1");
        await ApplyAsync(ns, "p", "DENY");
        ApiDocument good = await StatusAsync(ns, "p", "Accepted=True/Accepted@3 Programmed=True/InForce@3");

        // Nothing is written where nothing else is to be said: neither because others change nor because this one's labels do.
        await cluster.Server.KubectlAsync("", "label", "authorizationpolicy", "p", "-n", ns, "team=a");
        string labelled = (await FindAsync(ns, "p")).Metadata.ResourceVersion!;
        await ApplyAsync(ns, "r", "ALLOW");
        await StatusAsync(ns, "r", "Accepted=True/Accepted@1 Programmed=True/InForce@1");
        ApiDocument last = await FindAsync(ns, "p");
        Assert.Equal(labelled, last.Metadata.ResourceVersion);
        Assert.Equal(good.Conditions, last.Conditions);
    }

    [Fact]
    public async Task ATrafficPolicyCountsBeforeAnnotationsOfItsServiceAndGoesWithIt()
    {
        await using RunningOnCluster controller = await ControllerAsync();
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.9.1.1", labels: "app: web");
        await cluster.KubectlAsync($$$"""
            apiVersion: v1
            kind: Service
            metadata: {name: web, namespace: {{{ns}}}, annotations: {culvert.dev/tcp-load-balancing: RoundRobin} }
            spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}] }
            """);
        await IsBalancedAsync(LoadBalancing.RoundRobin);
        await cluster.KubectlAsync(Policy("{protocol: TCP, mode: LEAST_CONNECTIONS}"));
        await IsBalancedAsync(LoadBalancing.LeastConnections);
        await StatusAsync(ns, "web", "Accepted=True/Accepted@1 Programmed=True/InForce@1", "TrafficPolicy");
        string[] cells = (await cluster.Server.KubectlAsync("", "get", "trafficpolicy", "web", "-n", ns, "--no-headers")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["web", "web", "True", "True"], cells[..4]);
        await cluster.KubectlAsync(Policy("{protocol: TCP, port: 80, mode: SOURCE_HASH}"));
        await IsBalancedAsync(LoadBalancing.SourceHash);
        await StatusAsync(ns, "web", "Accepted=True/Accepted@2 Programmed=True/InForce@2", "TrafficPolicy");
        await cluster.Server.KubectlAsync("", "delete", "trafficpolicy", "web", "-n", ns);
        await IsBalancedAsync(LoadBalancing.RoundRobin);

        Task IsBalancedAsync(LoadBalancing mode) => controller.SnapshotAsync(s => s.Services.Values.Any(v => v.Name.Namespace == ns && v.Ports[0].LoadBalancing == mode));
        string Policy(string balancing) => $$$"""
            apiVersion: culvert.dev/v1alpha1
            kind: TrafficPolicy
            metadata: {name: web, namespace: {{{ns}}}}
            spec: {targetRef: {kind: Service, name: web}, loadBalancing: [{{{balancing}}}]}
            """;
    }

    [Theory]
    [InlineData("MeshConfig", "{defaultAction: ALLOW}")]
    [InlineData("AuthorizationPolicy", "{action: ALLOW, rules: [{}]}")]
    [InlineData("PeerAuthentication", "{mtls: {mode: STRICT}}")]
    [InlineData("TrafficPolicy", "{targetRef: {kind: Service, name: x}, proxyProtocol: {version: v2}}")]
    [InlineData("Workload", "{node: n2, addresses: [10.9.2.1]}")]
    public async Task TheInstalledSchemaKeepsAllOfTheStatusThatIsWritten(string kind, string spec)
    {
        ApiKind of = TestCluster.KindOf(kind);
        string ns = !of.Type.IsNamespaced ? "" : kind == "Workload" ? ControllerWork.Space : await cluster.NamespaceAsync(), name = of.Type.IsNamespaced ? "x" : "default";
        string[] where = ns.Length > 0 ? ["-n", ns] : [];
        await using RunningOnCluster controller = await ControllerAsync();
        await cluster.KubectlAsync($"apiVersion: culvert.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}{(ns.Length > 0 ? $", namespace: {ns}" : "")}}}\nspec: {spec}");
        try
        {
            ApiDocument found = await StatusAsync(ns, name, "Accepted=True/Accepted@1 Programmed=True/InForce@1", kind);
            var written = JsonSerializer.SerializeToNode(new StatusDocument("", "", new(null, name), new(1, found.Conditions)), ApiJson.Default.StatusDocument)!["status"];
            var kept = JsonNode.Parse(await cluster.Server.KubectlAsync("", ["get", of.Type.Plural, name, "-o", "json", .. where]))!["status"];
            Assert.True(JsonNode.DeepEquals(written, kept), $"{written} is written, {kept} is kept");
            Assert.All(kept!["conditions"]!.AsArray(), c => Assert.Equal(["lastTransitionTime", "message", "observedGeneration", "reason", "status", "type"], c!.AsObject().Select(f => f.Key).Order(StringComparer.Ordinal)));
        }
        finally
        {
            await cluster.Server.KubectlAsync("", ["delete", of.Type.Plural, name, .. where]);
        }
    }

    [Fact]
    public async Task OneControllerWritesAndWhenItEndsTheNextDoes()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.9.0.1");
        RunningOnCluster first = await ControllerAsync();
        await ApplyAsync(ns, "p", "ALLOW");
        await StatusAsync(ns, "p", "Accepted=True/Accepted@1 Programmed=True/InForce@1");
        string holder = await HolderAsync();
        await using RunningOnCluster second = await ControllerAsync();
        await second.SnapshotAsync(s => s.Policies.ContainsKey(new(ns, "p")));
        await ApplyAsync(ns, "p", "DENY");
        await StatusAsync(ns, "p", "Accepted=True/Accepted@2 Programmed=True/InForce@2");
        Assert.Equal(holder, await HolderAsync());
        await first.DisposeAsync();
        await ApplyWrongAsync(ns, "p");
        await StatusAsync(ns, "p", "Accepted=False/Invalid@3 Programmed=False/LastGoodInForce@3");
        Assert.NotEqual(holder, await HolderAsync());
    }

    [Fact]
    public async Task WithoutARoleForStatusesItIsSaidOnceWhichIsMissingAndTheyAreWrittenWhenItIsThere()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.KubectlAsync(Role(""));
        ConcurrentQueue<string> lines = [];
        using ILoggerFactory loggers = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines)));
        await using RunningOnCluster controller = await ControllerAsync(ApiServer.NobodyToken, loggers);
        await ApplyAsync(ns, "p", "ALLOW");
        await ApplyAsync(ns, "q", "ALLOW");
        await Soon.Holds("it says which role is missing", () => lines.Any(IsSaid));
        await cluster.KubectlAsync(Role("- {apiGroups: [culvert.dev], resources: [\"*/status\"], verbs: [patch]}"));
        await StatusAsync(ns, "p", "Accepted=True/Accepted@1 Programmed=True/InForce@1");
        await StatusAsync(ns, "q", "Accepted=True/Accepted@1 Programmed=True/InForce@1");
        Assert.Single(lines, IsSaid);

        // It is said of each kind, and objects of others may be there from other tests.
        static bool IsSaid(string line) => line.StartsWith("The status of authorizationpolicies.culvert.dev ", StringComparison.Ordinal) && line.Contains("lacks the verb patch", StringComparison.Ordinal);

        static string Role(string more) => $$"""
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: no-statuses}
            rules:
            - {apiGroups: ["", discovery.k8s.io, networking.k8s.io, apiextensions.k8s.io, culvert.dev], resources: ["*"], verbs: [list, watch]}
            - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}
            {{more}}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: no-statuses}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: no-statuses}
            subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: nobody}]
            """;
    }

    private Task ApplyAsync(string ns, string name, string action) =>
        cluster.KubectlAsync($"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{action: {action}, rules: [{{}}]}}");

    /// <summary>Applies one whose schema has nothing against it.</summary>
    private Task ApplyWrongAsync(string ns, string name) =>
        cluster.KubectlAsync($"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{action: ALLOW, rules: [{{from: [{{ipBlocks: ['1:2:3']}}]}}]}}");

    private Task<ApiDocument> FindAsync(string ns, string name, string kind = "AuthorizationPolicy") => cluster.Admin.Resource(TestCluster.KindOf(kind).Type).GetAsync(new(ns, name), Stop);

    private async Task<string> HolderAsync() => (await cluster.Admin.Resource(KnownResources.Leases).GetAsync(new("culvert-system", "culvert-controller"), Stop)).Spec.HolderIdentity!;

    private async Task<ApiDocument> StatusAsync(string ns, string name, string wanted, string kind = "AuthorizationPolicy")
    {
        ApiDocument? found = null;
        await Soon.Holds($"{name}: {wanted}", async () =>
        {
            found = await FindAsync(ns, name, kind);
            return string.Join(' ', found.Conditions.Select(c => $"{c.Type}={c.Status}/{c.Reason}@{c.ObservedGeneration}")) == wanted;
        }, () => string.Join(' ', found!.Conditions));
        return found!;
    }
}
