using System.Diagnostics;
using System.Globalization;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Core;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>A controller on a real API server: what is made with kubectl arrives at an agent.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class ClusterTests(TestCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task PodsServicesAndPoliciesArriveAtTheAgentAndSoDoChangeAndDeletion()
    {
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.1.0.1 fd00::1", labels: "app: web");
        await cluster.PodAsync(ns, "api", "10.1.0.2", labels: "app: api", spec: "serviceAccountName: backend,");
        await cluster.PodAsync(ns, "starting", "10.1.0.3", labels: "app: api"); // selected, and of no slice as long as it is not ready
        await cluster.KubectlAsync($$$"""
            apiVersion: v1
            kind: Service
            metadata: {name: api, namespace: {{{ns}}}}
            spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: web}, {name: sig, port: 81, protocol: SCTP}]}
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: api-1, namespace: {{{ns}}}, labels: {kubernetes.io/service-name: api}}
            addressType: IPv4
            endpoints: [{addresses: [10.1.0.2], conditions: {ready: true}, nodeName: n1}]
            ports: [{name: http, port: 8080, protocol: TCP}]
            ---
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata: {name: only-web, namespace: {{{ns}}}}
            spec: {selector: {matchLabels: {app: api}}, action: ALLOW, rules: [{from: [{namespaces: [{{{ns}}}]}]}]}
            ---
            apiVersion: networking.k8s.io/v1
            kind: NetworkPolicy
            metadata: {name: api, namespace: {{{ns}}}}
            spec: {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: web} } }] }] }
            """);
        NodeSnapshot snapshot = await controller.SnapshotAsync(s => s.Policies.Values.Any(p => p.Name.Namespace == ns) && s.NetworkPolicies.Values.Any(p => p.Name.Namespace == ns)
            && Find(s, ns, "starting") is not null && s.Services.Values.Any(v => v.Name.Namespace == ns && v.Ports[0].Backends.Count > 0 && v.Ports[0].Backends[0].WorkloadUid is not null));
        WorkloadInfo web = Find(snapshot, ns, "web")!, api = Find(snapshot, ns, "api")!;
        Assert.True(web.Enrolled);
        Assert.Equal("10.1.0.1 fd00::1", string.Join(' ', web.Addresses));
        Assert.Equal($"spiffe://cluster.local/ns/{ns}/sa/backend", api.Identity.ToString());
        Assert.Equal($"{ns}/only-web", Assert.Single(api.PolicyNames).ToString());
        Core.ServicePort port = Assert.Single(Assert.Single(snapshot.Services.Values, v => v.Name.Namespace == ns).Ports);
        Assert.Single(port.Backends);
        Assert.Equal($"{ns}/api 10.1.0.2 8080", $"{port.Backends[0].WorkloadUid} {port.Backends[0].Address} {port.Backends[0].Port}");

        await cluster.Server.KubectlAsync("", "patch", "authorizationpolicy", "only-web", "-n", ns, "--type=merge", "-p", """{"spec":{"action":"DENY"}}""");
        await controller.SnapshotAsync(s => s.Policies.Values.Any(p => p.Name.Namespace == ns && p.Action == PolicyAction.Deny));
        await cluster.Server.KubectlAsync("", "label", "pod", "web", "-n", ns, "culvert.dev/mesh=disabled");
        await controller.SnapshotAsync(s => !Find(s, ns, "web")!.Enrolled);
        await cluster.Server.KubectlAsync("", "delete", "authorizationpolicy", "only-web", "-n", ns);
        await cluster.Server.KubectlAsync("", "delete", "pod", "web", "-n", ns, "--grace-period=0", "--force");
        await controller.SnapshotAsync(s => Find(s, ns, "web") is null && s.Policies.Values.All(p => p.Name.Namespace != ns));
    }

    [Fact]
    public async Task TopologyHintsAreHeededOnceTheZoneOfTheNodeIsKnown()
    {
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        string ns = await cluster.NamespaceAsync();
        await cluster.KubectlAsync($$$"""
            apiVersion: v1
            kind: Service
            metadata: {name: api, namespace: {{{ns}}}}
            spec: {selector: {app: api}, ports: [{name: http, port: 80}]}
            ---
            apiVersion: discovery.k8s.io/v1
            kind: EndpointSlice
            metadata: {name: api-1, namespace: {{{ns}}}, labels: {kubernetes.io/service-name: api}}
            addressType: IPv4
            endpoints: [{addresses: [10.11.0.1], hints: {forZones: [{name: east}] } }, {addresses: [10.11.0.2], hints: {forZones: [{name: west}] } }]
            ports: [{name: http, port: 8080, protocol: TCP}]
            """);
        await controller.SnapshotAsync(s => Backends(s) == "10.11.0.1 10.11.0.2");
        try
        {
            await cluster.KubectlAsync("apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {topology.kubernetes.io/zone: west}}\n");
            await controller.SnapshotAsync(s => Backends(s) == "10.11.0.2");
            await cluster.Server.KubectlAsync("", "label", "node", "n1", "--overwrite", "topology.kubernetes.io/zone=east");
            await controller.SnapshotAsync(s => Backends(s) == "10.11.0.1");
        }
        finally
        {
            await cluster.Server.KubectlAsync("", "delete", "node", "n1");
        }
        await controller.SnapshotAsync(s => Backends(s) == "10.11.0.1 10.11.0.2");

        string Backends(NodeSnapshot snapshot) => snapshot.Services.Values.SingleOrDefault(v => v.Name.Namespace == ns) is { } service ? string.Join(' ', service.Ports[0].Backends.Select(b => b.Address)) : "";
    }

    [Fact]
    public async Task TheProgramTakesItsObjectsFromTheClusterOfAKubeconfigAndEndsWhenAsked()
    {
        using TempFolder folder = new();
        folder.Write("kubeconfig", cluster.Server.Kubeconfig(Culvert.Kubernetes.Tests.Cluster.ApiServer.AdminToken));
        string[] arguments = ["run", "--kubernetes", "--kubeconfig", folder.File("kubeconfig"), "--context", "test", "--attest-service-accounts", "--state-dir", folder.File("state"), "--unix-socket", folder.File("c.sock")];
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "culvert-controller"), arguments) { RedirectStandardOutput = true })!;
        try
        {
            string? line;
            do line = await Soon.Ends(process.StandardOutput.ReadLineAsync());
            while (line?.Contains($"All objects of {cluster.Server.Address} have been read, of 14 kinds", StringComparison.Ordinal) == false);
            Assert.NotNull(line);
            Task<string> rest = process.StandardOutput.ReadToEndAsync();
            using Process kill = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            await Soon.Ends(process.WaitForExitAsync());
            Assert.Equal(0, process.ExitCode);
            Assert.DoesNotContain("   at ", await rest, StringComparison.Ordinal);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    [Fact]
    public async Task APodIsAMemberWhileItRunsAndALabelSaysSo()
    {
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        string inside = await cluster.NamespaceAsync(), outside = await cluster.NamespaceAsync("disabled");
        await cluster.PodAsync(inside, "waits", "");
        await cluster.PodAsync(inside, "own", "10.2.0.1");
        await cluster.PodAsync(inside, "host", "192.0.2.1", spec: "hostNetwork: true,");
        await cluster.PodAsync("kube-system", "dns", "10.2.0.9", labels: "culvert.dev/mesh: enabled");
        await cluster.PodAsync(outside, "joins", "10.2.0.2", labels: "culvert.dev/mesh: enabled");
        await cluster.PodAsync(outside, "stays", "10.2.0.3");
        NodeSnapshot snapshot = await controller.SnapshotAsync(s => Find(s, outside, "stays") is not null);
        Assert.True(Find(snapshot, inside, "waits") is { IsStarting: true, Enrolled: true });
        Assert.Null(Find(controller.Host.SnapshotFor("n2"), inside, "waits"));
        Assert.NotNull(Find(controller.Host.SnapshotFor("n2"), inside, "own"));
        Assert.True(Find(snapshot, inside, "own")!.Enrolled);
        Assert.False(Find(snapshot, inside, "host")!.Enrolled);
        Assert.False(Find(snapshot, "kube-system", "dns")!.Enrolled);
        Assert.True(Find(snapshot, outside, "joins")!.Enrolled);
        Assert.False(Find(snapshot, outside, "stays")!.Enrolled);

        await cluster.PodStatusAsync(inside, "waits", "10.2.0.4");
        await controller.SnapshotAsync(s => Find(s, inside, "waits") is { IsStarting: false });
        Assert.Null(Find(controller.Host.SnapshotFor("n2"), inside, "waits")!.PodUid);
        await cluster.PodStatusAsync(inside, "own", "10.2.0.1", """ "phase":"Succeeded", """);
        await controller.SnapshotAsync(s => Find(s, inside, "own") is null);
        await cluster.Server.KubectlAsync("", "label", "namespace", outside, "culvert.dev/mesh=enabled", "--overwrite");
        await controller.SnapshotAsync(s => Find(s, outside, "stays")!.Enrolled);
    }

    [Fact]
    public async Task AnAddressThatTheNextPodHasAlreadyIsNeverOfTwo()
    {
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "old", "10.2.1.1");
        await controller.SnapshotAsync(s => Find(s, ns, "old") is not null);
        await cluster.Server.KubectlAsync("", "delete", "pod", "old", "-n", ns, "--wait=false");
        await cluster.PodAsync(ns, "new", "10.2.1.1", spec: "serviceAccountName: other,");
        NodeSnapshot snapshot = await controller.SnapshotAsync(s =>
        {
            Assert.True(s.Workloads.Values.Count(w => w.Name.Namespace == ns && !w.Addresses.IsEmpty) <= 1, "two workloads have the address");
            return Find(s, ns, "new") is { IsStarting: false };
        });
        Assert.Null(Find(snapshot, ns, "old"));
        await cluster.Server.KubectlAsync("", "label", "pod", "old", "-n", ns, "team=a");
        await cluster.Server.KubectlAsync("", "delete", "pod", "new", "-n", ns, "--grace-period=0", "--force");
        snapshot = await controller.SnapshotAsync(s => Find(s, ns, "new") is null);
        Assert.Equal("10.2.1.1", Find(snapshot, ns, "old")!.Addresses[0].ToString());
    }

    [Fact]
    public async Task WithoutAKindThatIsNeededNothingComesIntoForceAndItDoesWhenTheKindIsInstalled()
    {
        ApiKind kind = TestCluster.KindOf("Workload");
        await cluster.UninstallAsync(kind);
        try
        {
            string ns = await cluster.NamespaceAsync();
            await cluster.PodAsync(ns, "web", "10.3.0.1");
            await using RunningOnCluster controller = await cluster.ControllerAsync();
            await controller.ErrorsAsync("it says what is missing", e => e.Any(t =>
                t.StartsWith("/apis/culvert.dev/v1alpha1/workloads: workloads.culvert.dev can't be watched: the kind is not installed; apply", StringComparison.Ordinal)
                && t.Contains("nothing comes into force before", StringComparison.Ordinal)));
            Assert.Equal(0ul, controller.Host.Version);
            await cluster.InstallAsync();
            await controller.SnapshotAsync(s => Find(s, ns, "web") is not null);
            await controller.ErrorsAsync("nothing is wrong", e => !e.Any(t => t.Contains("workloads", StringComparison.Ordinal)));
            await cluster.UninstallAsync(kind);
            await controller.ErrorsAsync("it says what is gone", e => e.Any(t => t.Contains("the kind is not installed; apply the CustomResourceDefinitions of deploy/crds; objects that were deleted with it are in force no more", StringComparison.Ordinal)));
        }
        finally
        {
            await cluster.InstallAsync();
        }
    }

    [Fact]
    public async Task WithoutARoleNothingIsLostAndItIsSaidWhichRoleIsMissing()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.4.0.1");
        await cluster.KubectlAsync(Role("pods, namespaces, nodes, services"));
        await using RunningOnCluster controller = await cluster.ControllerAsync(Culvert.Kubernetes.Tests.Cluster.ApiServer.ReaderToken);
        await controller.SnapshotAsync(s => Find(s, ns, "web") is not null);

        // A watch that stands goes on; that the role is gone shows when the next one begins.
        await cluster.KubectlAsync(Role("namespaces, nodes, services"));
        await cluster.Server.CrashAsync();
        await cluster.Server.RestartAsync();
        await controller.ErrorsAsync("the role is named", e => e.Any(t =>
            t.StartsWith("/api/v1/pods: pods can't be watched: the controller's role lacks the verb watch on pods", StringComparison.Ordinal) && t.Contains("stays in force", StringComparison.Ordinal)));
        Assert.NotNull(Find(controller.Host.SnapshotFor("n1"), ns, "web"));
        await cluster.KubectlAsync(Role("pods, namespaces, nodes, services"));
        await controller.ErrorsAsync("nothing is wrong", e => !e.Any(t => t.Contains("can't be watched", StringComparison.Ordinal)));
        await cluster.PodAsync(ns, "next", "10.4.0.2");
        await controller.SnapshotAsync(s => Find(s, ns, "next") is not null);

        static string Role(string core) => $$$"""
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: readers}
            rules:
            - {apiGroups: [""], resources: [{{{core}}}], verbs: [list, watch]}
            - {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
            - {apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [list, watch]}
            - {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [list, watch]}
            - {apiGroups: [culvert.dev], resources: ["*"], verbs: [list, watch]}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: readers}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: readers}
            subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: readers}]
            """;
    }

    [Fact]
    public async Task WhileTheServerIsAwayWhatWasReadStaysAndThenItCatchesUp()
    {
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.5.0.1");
        await controller.SnapshotAsync(s => Find(s, ns, "web") is not null);
        await cluster.Server.CrashAsync();
        await controller.ErrorsAsync("it says that the server is away", e => e.Any(t => t.StartsWith("/: nothing can be watched: the API server does not answer", StringComparison.Ordinal)));
        Assert.NotNull(Find(controller.Host.SnapshotFor("n1"), ns, "web"));
        await cluster.Server.RestartAsync();
        await cluster.PodAsync(ns, "next", "10.5.0.2");
        await cluster.Server.KubectlAsync("", "delete", "pod", "web", "-n", ns, "--grace-period=0", "--force");
        await controller.SnapshotAsync(s => Find(s, ns, "next") is not null && Find(s, ns, "web") is null);
        await controller.ErrorsAsync("nothing is wrong", e => !e.Any(t => t.Contains("can't be watched", StringComparison.Ordinal)));
    }

    private static WorkloadInfo? Find(NodeSnapshot snapshot, string ns, string name) => snapshot.Workloads.GetValueOrDefault($"{ns}/{name}");
}
