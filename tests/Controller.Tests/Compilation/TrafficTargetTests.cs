using System.Net;
using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>What a TrafficTarget lets through, good and broken.</summary>
public sealed class TrafficTargetTests
{
    private const string World = """
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: web, namespace: shop}
        spec: {node: n1, serviceAccount: web, addresses: [10.0.0.1]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: free, namespace: shop}
        spec: {node: n1, serviceAccount: free, addresses: [10.0.0.2]}
        ---
        apiVersion: specs.smi-spec.io/v1alpha4
        kind: TCPRoute
        metadata: {name: web, namespace: shop}
        spec: {matches: {ports: [80]}}

        """;

    private const string Good = "{destination: {kind: ServiceAccount, name: web}, sources: [{kind: ServiceAccount, name: front, namespace: edge}], rules: [{kind: TCPRoute, name: web}]}";

    [Theory]
    [InlineData("web", "edge/front", 80, TransportProtocol.Tcp, true)]
    [InlineData("web", "edge/front", 81, TransportProtocol.Tcp, false)]
    [InlineData("web", "edge/front", 80, TransportProtocol.Udp, false)]
    [InlineData("web", "shop/front", 80, TransportProtocol.Tcp, false)]
    [InlineData("free", "shop/front", 81, TransportProtocol.Udp, true)]
    public void OnlyItsSourcesReachItsDestinationAtThePortsAndByTheProtocolOfItsRoutes(string to, string from, int port, TransportProtocol protocol, bool isAllowed)
    {
        ObjectSet objects = Read(Good);
        Assert.Empty(objects.Errors);
        Assert.Equal(isAllowed, IsAllowed(objects, to, from, (ushort)port, protocol));
    }

    [Theory]
    [InlineData("{destination: {kind: ServiceAccount, name: web}, sources: [{kind: ServiceAccount, name: front, namespace: edge}], rules: [{kind: TCPRoute, name: web}, {kind: HTTPRoute, name: web}]}", true)]
    [InlineData("{destination: {kind: ServiceAccount, name: web}, sources: [{kind: Group, name: front, namespace: edge}], rules: [{kind: TCPRoute, name: web}]}", true)]
    [InlineData("{destination: {kind: ServiceAccount, name: web}, sources: [], rules: [{kind: TCPRoute, name: web}]}", true)]
    [InlineData("{destination: {kind: ServiceAccount, name: web}, sources: [{kind: ServiceAccount, name: front, namespace: edge}], rules: []}", true)]
    [InlineData("{destination: {kind: ServiceAccount}, sources: [{kind: ServiceAccount, name: front, namespace: edge}], rules: [{kind: TCPRoute, name: web}]}", false)]
    [InlineData("[]", false)]
    public void OneThatWasNeverGoodAllowsNothingAndClosesItsDestination(string spec, bool isFreeOpen)
    {
        ObjectSet objects = Read(spec);
        Assert.NotEmpty(objects.Errors);
        Assert.All(objects.Errors, e => Assert.Equal(InForceInstead.Part, objects.Instead(e)));
        Assert.Contains(objects.Warnings, w => w.Reason.Contains("allows nothing", StringComparison.Ordinal));
        Assert.False(IsAllowed(objects, "web", "edge/front", 80, TransportProtocol.Tcp));
        Assert.Equal(isFreeOpen, IsAllowed(objects, "free", "edge/front", 80, TransportProtocol.Tcp));
    }

    [Fact]
    public void OneOfAnotherNamespaceThanItsDestinationClosesNothing()
    {
        ObjectSet objects = Read(Good.Replace("name: web}, sources", "name: web, namespace: edge}, sources", StringComparison.Ordinal));
        Assert.Contains("another namespace", Assert.Single(objects.Errors).Reason, StringComparison.Ordinal);
        Assert.True(IsAllowed(objects, "web", "edge/other", 80, TransportProtocol.Tcp));
    }

    [Fact]
    public void ARouteThatIsNotThereAllowsNothing()
    {
        ObjectSet objects = Read(Good.Replace("TCPRoute, name: web", "TCPRoute, name: gone", StringComparison.Ordinal));
        Assert.Contains("there is no TCPRoute gone", Assert.Single(objects.Warnings).Reason, StringComparison.Ordinal);
        Assert.False(IsAllowed(objects, "web", "edge/front", 80, TransportProtocol.Tcp));
    }

    [Fact]
    public void OneThatWasGoodStaysAsItWas()
    {
        ObjectSet broken = Read(Good.Replace("TCPRoute", "HTTPRoute", StringComparison.Ordinal), Read(Good));
        Assert.All(broken.Errors, e => Assert.Equal(InForceInstead.LastGood, broken.Instead(e)));
        Assert.True(IsAllowed(broken, "web", "edge/front", 80, TransportProtocol.Tcp));
        Assert.False(Assert.Single(broken.OfKind<TrafficTargetObject>()).IsStricterReading);
    }

    private static bool IsAllowed(ObjectSet objects, string to, string from, ushort port, TransportProtocol protocol)
    {
        NodeSnapshot snapshot = MeshCompiler.Compile(objects, []).SnapshotFor("n1");
        NamespacedName account = NamespacedName.Parse(from);
        return PolicyEvaluator.Evaluate(snapshot, new ConnectionRequest
        {
            SourceIdentity = SpiffeId.ForServiceAccount(snapshot.Mesh.TrustDomain, account.Namespace, account.Name),
            SourceAddress = IPAddress.Parse("10.9.9.9"),
            SourceWorkload = null,
            Destination = snapshot.Workloads["shop/" + to],
            Port = port,
            Protocol = protocol,
            Authenticated = true,
        }).Verdict == Verdict.Allow;
    }

    private static ObjectSet Read(string spec, ObjectSet? before = null) => ObjectSetReader.Read(
        [new("a.yaml", $"{World}---\napiVersion: access.smi-spec.io/v1alpha3\nkind: TrafficTarget\nmetadata: {{name: web, namespace: shop}}\nspec: {spec}\n")], before ?? ObjectSet.Empty);
}
