using Culvert.Controller.Compilation;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>What becomes of a Service's own fields.</summary>
public sealed class ServiceCompilerTests
{
    private const string Ready = "", Draining = ", conditions: {ready: false, serving: true, terminating: true}";

    [Theory]
    [InlineData("", "", LoadBalancing.Random)]
    [InlineData("sessionAffinity: None, ", "", LoadBalancing.Random)]
    [InlineData("sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}, ", "", LoadBalancing.SourceHash)]
    [InlineData("sessionAffinity: ClientIP, ", "culvert.dev/tcp-load-balancing: RoundRobin", LoadBalancing.RoundRobin)]
    [InlineData("sessionAffinity: ClientIP, ", "culvert.dev/udp-load-balancing: RoundRobin", LoadBalancing.SourceHash)]
    public void AClientKeepsItsBackendUnlessLoadBalancingSaysOtherwise(string spec, string annotation, LoadBalancing mode) =>
        Assert.Equal(mode, Snapshot("node-1", Service(spec, annotation)).Services[new("shop", "web")].Ports[0].LoadBalancing);

    [Theory]
    [InlineData("sessionAffinity: Cookie", "spec.sessionAffinity: 'Cookie' is not known; None or ClientIP is")]
    [InlineData("internalTrafficPolicy: local", "spec.internalTrafficPolicy: 'local' is not known; Cluster or Local is")]
    public void WhatIsNotKnownIsAnErrorOfItsField(string spec, string error) =>
        Assert.Contains(error, Assert.Single(Read(Service($"{spec}, ")).Errors).ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("name: http", "http")]
    [InlineData("name: http-admin", "http")]
    [InlineData("name: http2-api", "http2")]
    [InlineData("name: grpc", "grpc")]
    [InlineData("name: grpc-web", null)]
    [InlineData("name: httpx", null)]
    [InlineData("name: web-http", null)]
    [InlineData("name: web", null)]
    [InlineData("name: http, appProtocol: tcp", "tcp")]
    [InlineData("name: web, appProtocol: http", "http")]
    [InlineData("name: http, protocol: UDP", null)]
    public void APortSpeaksWhatItSaysOrWhatItsNameDoes(string port, string? protocol) =>
        Assert.Equal(protocol, Snapshot("node-1", Service("").Replace("name: a", port, StringComparison.Ordinal)).Services[new("shop", "web")].Ports[0].AppProtocol);

    [Theory]
    [InlineData("node-1", "10.0.0.1 10.0.0.5")] // a workload's, and one that a slice alone knows
    [InlineData("node-2", "10.0.0.2")]
    [InlineData("node-3", "10.0.0.4")] // none is ready there
    [InlineData("node-4", "")]
    public void AServiceThatIsLocalToNodesHasTheBackendsOfEachNode(string node, string backends)
    {
        string slices = Slice(("10.0.0.2", "other", Ready), ("10.0.0.3", "node-2", Draining), ("10.0.0.4", "node-3", Draining), ("10.0.0.5", "node-1", Ready), ("10.0.0.6", "node-1", Draining));
        string workloads = Objects.Workload("web", "10.0.0.1") + Objects.Workload("sliced", "10.0.0.2", "node-2"); // the workload's node counts
        ServiceInfo local = Snapshot(node, Service("internalTrafficPolicy: Local, ") + slices + workloads).Services[new("shop", "web")];
        Assert.Equal(backends, Backends(local));
        Assert.True(local.IsNodeLocal);
        Assert.Equal("10.0.0.1 10.0.0.2 10.0.0.5", Backends(Snapshot(node, Service("internalTrafficPolicy: Cluster, ") + slices + workloads).Services[new("shop", "web")]));
    }

    [Fact]
    public void ARouteToAServiceThatIsLocalToNodesTakesWhoIsReady()
    {
        string parent = Service("").Replace("name: web", "name: front", StringComparison.Ordinal).Replace("10.96.0.1", "10.96.0.2", StringComparison.Ordinal).Replace("selector: {app: web}, ", "", StringComparison.Ordinal);
        const string route = "apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{group: \"\", kind: Service, name: front}], rules: [{backendRefs: [{name: web, port: 80}]}]}\n---\n";
        string Backends(params (string, string, string)[] endpoints) =>
            ServiceCompilerTests.Backends(Snapshot("node-1", Service("internalTrafficPolicy: Local, ") + parent + route + Slice(endpoints)).Services[new("shop", "front")]);
        Assert.Equal("10.0.0.1", Backends(("10.0.0.1", "node-1", Ready), ("10.0.0.2", "node-2", Draining)));
        Assert.Equal("10.0.0.2", Backends(("10.0.0.2", "node-2", Draining)));
    }

    [Fact]
    public void OnlyTheNodeOfABackendHearsOfItWhereTheServiceIsLocalToNodes()
    {
        MeshCompiler compiler = new();
        ObjectSet one = Read(Service("internalTrafficPolicy: Local, ") + Objects.Workload("web", "10.0.0.1")), two = ObjectSetReader.Read(
            [new("a.yaml", Service("internalTrafficPolicy: Local, ") + Objects.Workload("web", "10.0.0.1") + Slice(("10.0.0.2", "node-2", Ready)))], one);
        var before = compiler.Update(one, null, []);
        var after = compiler.Update(two, null, []);
        Assert.Equal(["node-2"], new[] { "node-1", "node-2", "node-3" }.Where(n => before.ForNode(n).ChangesTo(after.ForNode(n)).Any()));
        Assert.Equal("", string.Concat(after.Shared.Values.Where(r => r.Service is not null).SelectMany(r => r.Service.Ports).SelectMany(p => p.Backends)));
    }

    [Theory]
    [InlineData("node-a", "10.0.0.1 10.0.0.3")]
    [InlineData("node-b", "10.0.0.2")]
    [InlineData("node-c", "10.0.0.1 10.0.0.2 10.0.0.3")] // a zone that nobody is for
    [InlineData("node-d", "10.0.0.1 10.0.0.2 10.0.0.3")] // of no zone
    public void HintsKeepClientsToTheBackendsForTheirZone(string node, string backends) =>
        Assert.Equal(backends, Backends(Snapshot(node, Service("") + Nodes + Slice(("10.0.0.1", "x", For("a")), ("10.0.0.2", "x", For("b")), ("10.0.0.3", "x", For("a")))).Services[new("shop", "web")]));

    [Fact]
    public void HintsCountForAFamilyAllOfWhoseBackendsHaveSome()
    {
        string six = Slice(("fd00::1", "x", For("a")), ("fd00::2", "x", For("b"))).Replace("web-1", "web-6", StringComparison.Ordinal).Replace("IPv4", "IPv6", StringComparison.Ordinal);
        Assert.Equal("10.0.0.1 10.0.0.2 fd00::1", Backends(Snapshot("node-a", Service("") + Nodes + Slice(("10.0.0.1", "x", For("a")), ("10.0.0.2", "x", Ready)) + six).Services[new("shop", "web")]));
    }

    [Fact]
    public void SharesOfARouteAreNotChangedByHints()
    {
        const string route = "apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {name: r, namespace: shop}\nspec: {parentRefs: [{group: \"\", kind: Service, name: web}], rules: [{backendRefs: [{name: web, port: 80}]}]}\n---\n";
        Assert.Equal("10.0.0.1 10.0.0.2", Backends(Snapshot("node-a", Service("") + Nodes + route + Slice(("10.0.0.1", "x", For("a")), ("10.0.0.2", "x", For("b")))).Services[new("shop", "web")]));
    }

    [Theory]
    [InlineData("node-a", false, "10.0.0.1")]
    [InlineData("node-b", false, "10.0.0.2")]
    [InlineData("node-c", false, "")]
    [InlineData("node-d", false, "")] // of no zone
    [InlineData("node-a", true, "10.0.0.2")] // hints count before the nodes of backends
    [InlineData("node-c", true, "")]
    public void WhereRequestsPreferTheirZoneNodesAreToldWhoIsNear(string node, bool hasHints, string near)
    {
        ServiceInfo service = Snapshot(node, Service("") + Zoned + Nodes + Slice(("10.0.0.1", "node-a", hasHints ? For("b") : Ready), ("10.0.0.2", "node-b", hasHints ? For("a") : Ready), ("10.0.0.3", "node-e", hasHints ? For("b") : Ready))).Services[new("shop", "web")];
        Assert.Equal("10.0.0.1 10.0.0.2 10.0.0.3", Backends(service));
        Assert.Equal(near, string.Join(' ', service.Ports[0].Backends.Where(b => b.IsNear).Select(b => b.Address)));
    }

    [Fact]
    public void WhoIsNearIsToldAnewWhenTheNodeOfABackendMovesToAnotherZone()
    {
        string objects = Service("") + Zoned + Slice(("10.0.0.1", "node-a", Ready), ("10.0.0.2", "node-b", Ready));
        MeshCompiler compiler = new();
        ObjectSet one = Read(objects + Nodes), two = ObjectSetReader.Read([new("a.yaml", objects + Nodes.Replace("zone: a", "zone: b", StringComparison.Ordinal))], one);
        var before = compiler.Update(one, null, []);
        var after = compiler.Update(two, null, []);
        Assert.Equal(["node-a", "node-b"], new[] { "node-a", "node-b", "node-c", "node-d" }.Where(n => before.ForNode(n).ChangesTo(after.ForNode(n)).Any()));
        Assert.All(after.SnapshotFor("node-b").Services[new("shop", "web")].Ports[0].Backends, b => Assert.True(b.IsNear));
    }

    private const string Zoned = "apiVersion: culvert.dev/v1alpha1\nkind: TrafficPolicy\nmetadata: {name: web, namespace: shop}\nspec: {targetRef: {kind: Service, name: web}, requestBalancing: {mode: RANDOM, preferZone: true}}\n---\n";

    [Fact]
    public void ANodeThatMovesToAnotherZoneHearsOfItAndNoOther()
    {
        string objects = Service("") + Slice(("10.0.0.1", "x", For("a")), ("10.0.0.2", "x", For("b")));
        MeshCompiler compiler = new();
        ObjectSet one = Read(objects + Nodes), two = ObjectSetReader.Read([new("a.yaml", objects + Nodes.Replace("zone: a", "zone: b", StringComparison.Ordinal))], one);
        var before = compiler.Update(one, null, []);
        var after = compiler.Update(two, null, []);
        Assert.Equal(["node-a"], new[] { "node-a", "node-b", "node-c", "node-d" }.Where(n => before.ForNode(n).ChangesTo(after.ForNode(n)).Any()));
        Assert.Equal("10.0.0.2", Backends(after.SnapshotFor("node-a").Services[new("shop", "web")]));
    }

    private static string Nodes => string.Concat("abc".Select(z => $"apiVersion: v1\nkind: Node\nmetadata: {{name: node-{z}, labels: {{topology.kubernetes.io/zone: {z}}}}}\nspec: {{podCIDR: 10.0.0.0/24}}\n---\n"));

    private static string For(string zone) => $", hints: {{forZones: [{{name: {zone}}}], forNodes: [{{name: x}}]}}";

    private static string Backends(ServiceInfo service) => string.Join(' ', service.Ports[0].Backends.Select(b => b.Address));

    private static NodeSnapshot Snapshot(string node, string objects) => MeshCompiler.Compile(Read(objects), []).SnapshotFor(node);

    private static ObjectSet Read(string objects) => ObjectSetReader.Read([new("a.yaml", objects)], ObjectSet.Empty);

    private static string Service(string spec, string annotation = "") =>
        $"apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: shop, annotations: {{{annotation}}}}}\nspec: {{{spec}clusterIP: 10.96.0.1, selector: {{app: web}}, ports: [{{name: a, port: 80}}]}}\n---\n";

    private static string Slice(params (string Address, string Node, string Conditions)[] endpoints) =>
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}\naddressType: IPv4\n"
        + $"endpoints: [{string.Join(", ", endpoints.Select(e => $"{{addresses: [{e.Address}], nodeName: {e.Node}{e.Conditions}}}"))}]\nports: [{{name: a, port: 80}}]\n---\n";
}
