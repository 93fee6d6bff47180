using System.Net;
using System.Text;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>All that a controller does in a cluster in the course of its usual work: <c>deploy/controller</c> and all kinds are installed, and there is an object of each.</summary>
public sealed class ControllerWork(TestCluster cluster) : IAsyncLifetime
{
    internal const string Space = "culvert-system", Name = "culvert-controller";

    private static readonly ApiKind[] Optional = [.. OptionalKind.All.Select(k => k.In(k.Versions[0]))];
    private string _namespace = "";
    private string _agentToken = "";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private ResourceName Pod => new(_namespace, "web");

    public async ValueTask InitializeAsync()
    {
        if (!cluster.IsThere) return; // the tests say why
        await cluster.InstallControllerAsync();
        foreach (ApiKind kind in Optional) await cluster.InstallWithoutSchemaAsync(kind.Type);
        _namespace = await cluster.NamespaceAsync();
        await WriteOneOfEachAsync();
        await cluster.PodAsync(Pod.Namespace, Pod.Name, "10.99.0.2");
        await cluster.KubectlAsync($"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: culvert-agent, namespace: {Space}}}");
        await cluster.PodAsync(Space, "agent-a", "192.0.2.8", spec: "hostNetwork: true, serviceAccountName: culvert-agent,");
        _agentToken = await AgentTokenAsync("culvert-controller");
    }

    public async ValueTask DisposeAsync()
    {
        if (!cluster.IsThere) return;
        foreach (ApiKind kind in Optional) await cluster.UninstallAsync(kind);
        await cluster.Server.KubectlAsync("", "delete", "meshconfig", "default");

        // Others look for statuses that can't be written.
        await cluster.Server.KubectlAsync("", "delete", "authorizationpolicies,peerauthentications,requestauthentications,trafficpolicies,workloads", "--all", "-n", _namespace);
        await cluster.Server.KubectlAsync("", "delete", "pod", Pod.Name, "-n", Pod.Namespace, "--force", "--grace-period=0");
    }

    /// <summary>A token of an agent's pod.</summary>
    internal Task<string> AgentTokenAsync(string? audience) => cluster.TokenAsync(Space, "culvert-agent", audience, "agent-a");

    /// <summary>Takes away what a controller has done before, so that the next has all of it to do.</summary>
    internal async Task UndoAsync()
    {
        await cluster.Admin.Resource(KnownResources.Leases).DeleteIfThereAsync(new(Space, Name), null, Stop);
        await cluster.Admin.Resource(KnownResources.Secrets).PatchAsync(new(Space, Name), Patch.Merge("""{"data":null}"""u8.ToArray()), null, Stop);
        await cluster.Admin.Resource(KnownResources.Pods).PatchStatusAsync(Pod, """{"status":{"conditions":null}}"""u8.ToArray(), "tests", Stop);
        foreach (ApiKind kind in ApiKind.All.Concat(Optional).Where(k => k.Status != StatusForm.None))
        {
            IResourceClient<ApiDocument> objects = cluster.Admin.Resource(kind.Type);
            foreach (ApiDocument item in (await objects.ListAsync(new(), Stop)).Items.Where(i => !kind.Type.IsNamespaced || i.Metadata.NamespaceProperty == _namespace))
                await objects.PatchStatusAsync(item.Metadata.ResourceName, """{"status":null}"""u8.ToArray(), "tests", Stop);
        }
    }

    /// <summary>Starts a controller with the options that <c>deploy/controller</c> has.</summary>
    /// <param name="account">Its service account, of <see cref="Space"/>.</param>
    /// <param name="loggers">Where its log goes.</param>
    /// <param name="stop">Ends the start.</param>
    internal async Task<RunningOnCluster> StartAsync(string account, ILoggerFactory? loggers, CancellationToken stop) => await RunningOnCluster.StartAsync(
        cluster.Options(await cluster.TokenAsync(Space, account)),
        loggers,
        o => o with { ServiceAccountTokens = new(), RootsConfigMap = new(Space, "culvert-roots"), ProgressConfigMap = new(Space, "culvert-progress"), StateSecret = new(Space, Name), Admission = new(new(IPAddress.Loopback, 0)) { Configuration = new(Name) } },
        stop);

    /// <summary>Gives a controller to do what it does not do by itself: an agent joins, and can't capture a pod.</summary>
    internal async Task GiveAsync(RunningOnCluster controller)
    {
        await controller.SnapshotAsync(s => s.Workloads.ContainsKey($"{_namespace}/w") && s.Workloads.ContainsKey(Pod.ToString()));
        using FakeAgent joining = FakeAgent.OverTls(controller.Host, "n1"), reporting = FakeAgent.OverSocket(controller.Socket, "n1");
        Assert.NotNull(await joining.JoinAsync(_agentToken));
        await reporting.ReportAsync(Pod.ToString());
        await controller.SnapshotAsync(s => s.Workloads[Pod.ToString()].EnrolmentRefused);
    }

    // Of those with a status, so that there is one to write.
    private Task WriteOneOfEachAsync() => cluster.KubectlAsync($$$"""
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata: {name: default}
        spec: {defaultAction: ALLOW, workloadNamespaces: [{{{_namespace}}}]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: p, namespace: {{{_namespace}}}}
        spec: {action: ALLOW, rules: [{}]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: PeerAuthentication
        metadata: {name: p, namespace: {{{_namespace}}}}
        spec: {mtls: {mode: STRICT}}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: RateLimit
        metadata: {name: p, namespace: {{{_namespace}}}}
        spec: {rules: [{rate: 1/s}]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: RequestAuthentication
        metadata: {name: p, namespace: {{{_namespace}}}}
        spec: {jwtRules: [{issuer: a, jwks: '{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}'}]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: p, namespace: {{{_namespace}}}}
        spec: {targetRef: {kind: Service, name: web}, loadBalancing: [{protocol: TCP, mode: LEAST_CONNECTIONS}]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: w, namespace: {{{_namespace}}}}
        spec: {node: n9, addresses: [10.99.0.1]}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: web, namespace: {{{_namespace}}}}
        spec: {ports: [{name: http, port: 80}]}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: TCPRoute
        metadata: {name: r, namespace: {{{_namespace}}}}
        spec: {parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: UDPRoute
        metadata: {name: r, namespace: {{{_namespace}}}}
        spec: {parentRefs: [{group: "", kind: Service, name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: r, namespace: {{{_namespace}}}}
        spec: {parentRefs: [{group: "", kind: Service, name: web}]}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: GRPCRoute
        metadata: {name: r, namespace: {{{_namespace}}}}
        spec: {parentRefs: [{group: "", kind: Service, name: web}]}
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: TLSRoute
        metadata: {name: r, namespace: {{{_namespace}}}}
        spec: {parentRefs: [{group: "", kind: Service, name: web}]}
        """);
}
