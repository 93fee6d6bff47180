using Culvert.Controller.Objects;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Core;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>Kinds that a cluster need not have, on a real API server: they count from when they are installed until they are taken away.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class OptionalKindTests(TestCluster cluster)
{
    [Fact]
    public async Task WhatIsInstalledLaterCountsInWhicheverVersionIsServedUntilItIsTakenAway()
    {
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.9.4.1", spec: "serviceAccountName: web,");
        await controller.SnapshotAsync(s => s.Workloads.Values.Any(w => w.Name.Namespace == ns));

        ApiKind target = TestCluster.OptionalKindOf(ObjectKind.TrafficTarget).In("v1alpha2"), route = TestCluster.OptionalKindOf(ObjectKind.SmiTCPRoute).In("v1alpha4");
        await cluster.InstallWithoutSchemaAsync(target.Type);
        await cluster.InstallWithoutSchemaAsync(route.Type);
        try
        {
            await cluster.KubectlAsync($$$"""
                apiVersion: specs.smi-spec.io/v1alpha4
                kind: TCPRoute
                metadata: {name: web, namespace: {{{ns}}}}
                spec: {matches: {ports: [8080]}}
                ---
                apiVersion: access.smi-spec.io/v1alpha2
                kind: TrafficTarget
                metadata: {name: web, namespace: {{{ns}}}}
                spec:
                  destination: {kind: ServiceAccount, name: web}
                  sources: [{kind: ServiceAccount, name: front}]
                  rules: [{kind: TCPRoute, name: web}]
                """);
            await controller.SnapshotAsync(s => IsInForce(s, ns));

            // Another version takes the place of the first without a moment in which there is none.
            bool wasGone = false;
            await cluster.InstallWithoutSchemaAsync(target.Type, others: ["v1alpha3"], isServed: false);
            await cluster.Server.KubectlAsync("", "patch", "traffictargets.v1alpha3.access.smi-spec.io", "web", "-n", ns, "--type=merge", "-p", """{"spec":{"sources":[{"kind":"ServiceAccount","name":"back"}]}}""");
            await controller.SnapshotAsync(s =>
            {
                wasGone |= !IsInForce(s, ns);
                return s.Policies.Values.Any(p => p.Name.Namespace == ns && p.Rules.SelectMany(r => r.From).SelectMany(f => f.Identities).Any(i => i.ToString().EndsWith("/sa/back", StringComparison.Ordinal)));
            });
            Assert.False(wasGone);
            Assert.DoesNotContain(controller.Host.Errors, e => IsOfOptionalKind(e.ToString()));
        }
        finally
        {
            await cluster.UninstallAsync(target);
            await cluster.UninstallAsync(route);
        }
        await controller.SnapshotAsync(s => !IsInForce(s, ns));
        await controller.ErrorsAsync("a kind that is not there is no fault", e => !e.Any(IsOfOptionalKind));
    }

    [Fact]
    public async Task WhatIsServedInVersionsThatAreNotKnownStaysInForceAndIsTold()
    {
        const string Told = "traffictargets.access.smi-spec.io can't be watched: it is served in v9, of which this controller reads v1alpha3, v1alpha2";
        ApiKind target = TestCluster.OptionalKindOf(ObjectKind.TrafficTarget).In("v1alpha3");
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.9.4.4", spec: "serviceAccountName: web,");
        await cluster.InstallWithoutSchemaAsync(target.Type);
        try
        {
            await cluster.KubectlAsync(Target(ns));
            await using RunningOnCluster controller = await cluster.ControllerAsync();
            await controller.SnapshotAsync(s => IsInForce(s, ns));
            await cluster.InstallWithoutSchemaAsync(target.Type, others: ["v9"], isServed: false);
            await controller.ErrorsAsync("the versions are told", e => e.Any(t => t.Contains(Told, StringComparison.Ordinal) && t.EndsWith("what was read last stays in force", StringComparison.Ordinal)));
            Assert.True(IsInForce(await controller.SnapshotAsync(_ => true), ns));

            // Whoever starts now has nothing that it could leave in force.
            await using RunningOnCluster another = await cluster.ControllerAsync();
            await another.ErrorsAsync("nothing comes into force", e => e.Any(t => t.Contains(Told, StringComparison.Ordinal) && t.EndsWith("nothing comes into force before", StringComparison.Ordinal)));

            await cluster.InstallWithoutSchemaAsync(target.Type);
            await controller.ErrorsAsync("it is mended", e => !e.Any(t => t.Contains("can't be watched", StringComparison.Ordinal)));
            await another.SnapshotAsync(s => IsInForce(s, ns));
        }
        finally
        {
            await cluster.UninstallAsync(target);
        }
    }

    [Fact]
    public async Task NothingComesIntoForceBeforeTheObjectsOfAKindThatIsThereAreRead()
    {
        ApiKind target = TestCluster.OptionalKindOf(ObjectKind.TrafficTarget).In("v1alpha3");
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.9.4.2", spec: "serviceAccountName: web,");
        await cluster.InstallWithoutSchemaAsync(target.Type);
        try
        {
            await cluster.KubectlAsync(Target(ns));
            await using RunningOnCluster controller = await cluster.ControllerAsync();
            NodeSnapshot first = await controller.SnapshotAsync(s => s.Workloads.Values.Any(w => w.Name.Namespace == ns));
            Assert.True(IsInForce(first, ns));
        }
        finally
        {
            await cluster.UninstallAsync(target);
        }
    }

    [Fact]
    public async Task RoutesForGatewaysAreLeftToWhoServesTheseAndPodsMayHaveTheModeOfAnotherMesh()
    {
        ApiKind route = TestCluster.OptionalKindOf(ObjectKind.TCPRoute).In("v1");
        await cluster.InstallWithoutSchemaAsync(route.Type);
        try
        {
            await using RunningOnCluster controller = await cluster.ControllerAsync();
            string ns = await cluster.NamespaceAsync();
            await cluster.KubectlAsync($$$"""
                apiVersion: gateway.networking.k8s.io/v1
                kind: TCPRoute
                metadata: {name: ingress, namespace: {{{ns}}}}
                spec: {parentRefs: [{name: edge}], rules: [{backendRefs: [{name: web, port: 80}]}]}
                ---
                apiVersion: gateway.networking.k8s.io/v1
                kind: TCPRoute
                metadata: {name: wrong, namespace: {{{ns}}}}
                spec: {parentRefs: [{group: "", kind: Service, name: web, prot: 1}], rules: [{backendRefs: [{name: web, port: 80}]}]}
                """);
            await controller.ErrorsAsync("the mesh's own is told, and no other", e => e.Where(IsOfOptionalKind).ToArray() is [var only] && only.Contains($"TCPRoute {ns}/wrong: spec.parentRefs[0].prot", StringComparison.Ordinal));
            await cluster.PodAsync(ns, "web", "10.9.4.3");
            await cluster.Server.KubectlAsync("", "annotate", "pod", "web", "-n", ns, "config.nsm.nginx.com/mtls-mode=strict");
            await controller.SnapshotAsync(s => s.Workloads.Values.Any(w => w.Name.Namespace == ns && w.MtlsMode == MtlsMode.Strict));
        }
        finally
        {
            await cluster.UninstallAsync(route);
        }
    }

    [Fact]
    public async Task OfKindsThatAreNotSupportedItIsSaidOfEachObjectThatMeansTheMesh()
    {
        ApiKind route = TestCluster.OptionalKindOf(ObjectKind.TLSRoute).In("v1");
        await cluster.InstallWithoutSchemaAsync(route.Type);
        try
        {
            string ns = await cluster.NamespaceAsync();
            await using RunningOnCluster controller = await cluster.ControllerAsync();
            await cluster.KubectlAsync($$$"""
                apiVersion: gateway.networking.k8s.io/v1
                kind: TLSRoute
                metadata: {name: ingress, namespace: {{{ns}}}}
                spec: {parentRefs: [{name: edge}]}
                ---
                {{{TlsRoute(ns, """{name: edge}, {group: "", kind: Service, name: web, port: 80}, {group: "", kind: Service, name: api, namespace: other}""")}}}
                """);
            await controller.ErrorsAsync("it is named, and no other", e => e.Where(t => t.Contains(ns, StringComparison.Ordinal)).ToArray() is [var first]
                && first.Contains($"TLSRoute {ns}/web: kind: TLSRoute is not supported: ", StringComparison.Ordinal));
            await Soon.Holds("each Service has an entry", async () => (await FindAsync("web")).Parents is [{ Own: { ParentRef.Name: "web" } web }, { Own: { ParentRef: { Name: "api", Namespace: "other" } } api }]
                && new[] { web, api }.All(p => p.Conditions is [{ Type: "Accepted", Status: "False", Reason: "UnsupportedValue" } accepted, ..] && accepted.Message!.Contains("TCPRoute and UDPRoute", StringComparison.Ordinal)));

            // One that is the mesh's no more is nobody's that could say so.
            await cluster.KubectlAsync(TlsRoute(ns, "{name: edge}"));
            await Soon.Holds("the entries are gone", async () => (await FindAsync("web")).Parents.Count == 0);
            await controller.ErrorsAsync("it is no longer named", e => !e.Any(t => t.Contains(ns, StringComparison.Ordinal)));
            Assert.Empty((await FindAsync("ingress")).Parents);

            Task<ApiDocument> FindAsync(string name) => cluster.Admin.Resource(route.Type).GetAsync(new(ns, name), TestContext.Current.CancellationToken);
        }
        finally
        {
            await cluster.UninstallAsync(route);
        }
    }

    private static string TlsRoute(string ns, string parents) => $"apiVersion: gateway.networking.k8s.io/v1\nkind: TLSRoute\nmetadata: {{name: web, namespace: {ns}}}\nspec: {{parentRefs: [{parents}]}}";

    private static string Target(string ns) => $$$"""
        apiVersion: access.smi-spec.io/v1alpha3
        kind: TrafficTarget
        metadata: {name: web, namespace: {{{ns}}}}
        spec: {destination: {kind: ServiceAccount, name: web}, sources: [{kind: ServiceAccount, name: front}]}
        """;

    // Other tests leave objects with errors behind.
    private static bool IsOfOptionalKind(string error) => error.Contains("smi-spec.io", StringComparison.Ordinal) || error.Contains("gateway.networking.k8s.io", StringComparison.Ordinal);

    private static bool IsInForce(NodeSnapshot snapshot, string ns) => snapshot.Policies.Values.Any(p => p.Name.ToString() == $"{ns}/traffictarget:web");
}
