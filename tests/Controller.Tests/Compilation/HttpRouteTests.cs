using Culvert.Controller.Compilation;
using Culvert.Controller.Schema;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Protocol.V1;

namespace Culvert.Controller.Tests;

/// <summary>Routes of requests beside routes of connections, and who is told of them.</summary>
public sealed class HttpRouteTests
{
    private const string Connections = "apiVersion: gateway.networking.k8s.io/v1\nkind: TCPRoute\nmetadata: {name: old, namespace: shop}\nspec: {parentRefs: [{group: \"\", kind: Service, name: web}], rules: [{backendRefs: [{name: v2, port: 80}]}]}\n---\n";

    private static readonly string World = Objects.Workload("web", "10.0.0.1") + Objects.Workload("v2", "10.0.0.2") + Service("web") + Service("v2") + Connections;

    [Fact]
    public void ConnectionsFollowNoRouteWhereRequestsDo()
    {
        MeshCompiler compiler = new();
        ObjectSet before = Read(World), with = Read(World + Route("HTTPRoute", "web", "shop"), before), after = Read(World, with);
        Assert.Equal("10.0.0.2", BackendOf(compiler.Update(before, null, [])));
        ResourceCatalog routed = compiler.Update(with, null, []);
        Assert.Equal("10.0.0.1", BackendOf(routed));
        Assert.Contains(with.Warnings, w => w.Object == "TCPRoute shop/old" && w.Reason == "HTTPRoute shop/web counts for port 80/tcp of Service web, and this one does not" && w.Fault == ReferenceFault.Conflicted);
        Assert.Equal("10.0.0.2", BackendOf(compiler.Update(after, null, [])));
        Assert.Empty(after.Warnings);
    }

    [Theory]
    [InlineData("clients", "")] // says nothing for other clients
    [InlineData("shop", "appProtocol: mysql")] // does not hold
    public void ARouteThatIsNotForAllOfThePortLeavesItAsItIs(string ns, string port)
    {
        ObjectSet set = Read(World.Replace(Service("web"), Service("web", port), StringComparison.Ordinal) + Route("HTTPRoute", "web", ns));
        Assert.Equal("10.0.0.2", BackendOf(MeshCompiler.Compile(set, [])));
        Assert.DoesNotContain(set.Warnings, w => w.Object.StartsWith("TCPRoute", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a", "{}", "", "b", "{}", "", "HTTPRoute shop/b spec.rules[0].matches: has no request: HTTPRoute shop/a counts before, and asks the same of requests")]
    [InlineData("b", "{}", ", port: 80", "a", "{}", "", "HTTPRoute shop/b spec.rules[0].matches: has no request: HTTPRoute shop/a counts before, and asks the same of requests")]
    [InlineData("a", "{}", ", port: 80", "b", "{}", "", null)] // holds for more
    [InlineData("a", "{}", "", "b", "{matches: [{method: GET}]}", "", null)]
    [InlineData("a", "{matches: [{method: GET}, {method: PUT}]}", "", "b", "{matches: [{method: GET}]}, {}", "", "HTTPRoute shop/b spec.rules[0].matches: has no request: HTTPRoute shop/a counts before, and asks the same of requests")]
    [InlineData("a", "{matches: [{method: GET}]}", "", "b", "{matches: [{method: GET}, {method: PUT}]}", "", null)]
    [InlineData("a", "{}, {matches: [{path: {value: /}}]}", "", "b", "{matches: [{method: GET}]}", "", "HTTPRoute shop/a spec.rules[1].matches: has no request: rule 0 of it counts before, and asks the same of requests")]
    public void ARuleWhoseRequestsAllGoByAnotherSaysSo(string first, string firstRules, string firstPort, string second, string secondRules, string secondPort, string? warning)
    {
        ObjectSet set = Read(Service("web") + One(first, firstRules, firstPort) + One(second, secondRules, secondPort));
        Assert.Empty(set.Errors);
        Assert.Equal(warning is null ? [] : [warning], set.Warnings.Where(w => w.Reason.StartsWith("has no request", StringComparison.Ordinal)).Select(w => $"{w.Object} {w.Field}: {w.Reason}"));

        static string One(string name, string rules, string port) =>
            $"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: web{port}}}], rules: [{rules}]}}\n---\n";
    }

    /// <summary>Requests are compared with the expressions of all routes of their Service, and others wait meanwhile.</summary>
    [Fact]
    [Trait("Category", "Attack")]
    public void Attack_of_a_namespace_whose_expressions_are_too_large_together_no_route_with_some_counts()
    {
        string[] large = [.. Enumerable.Range(0, NamespaceLimits.MostExpressionPositions / ExpressionBudget.MostPositions).Select(i => One("shop", $"large{i}", Matches(16)))];
        string world = World + One("shop", "plain", "") + One("other", "own", Matches(1));
        MeshCompiler compiler = new();
        ObjectSet full = Read(world + string.Concat(large)), over = Read(world + string.Concat(large) + One("shop", "straw", Matches(1)), full), again = Read(world + string.Concat(large), over);
        Assert.Equal((10, 0), Told(full));
        Assert.Equal((2, 9), Told(over));
        Assert.Equal((10, 0), Told(again));

        (int Routes, int Warnings) Told(ObjectSet set)
        {
            Assert.Empty(set.Errors);
            ResourceCatalog catalog = compiler.Update(set, null, []);
            return (catalog.HttpRoutes.Count, set.Warnings.Count(w => w.Reason.StartsWith("has no effect: the expressions of the HTTPRoutes of namespace shop have more than 32768 characters and classes", StringComparison.Ordinal)));
        }

        static string Matches(int count) => $"matches: [{string.Join(", ", Enumerable.Range(0, count).Select(i => $"{{path: {{type: RegularExpression, value: '/.{{254}}{(char)('a' + i)}'}}}}"))}], ";

        static string One(string ns, string name, string matches) =>
            $"apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: web}}], rules: [{{{matches}backendRefs: [{{name: web, port: 80}}]}}]}}\n---\n";
    }

    [Fact]
    public void APortThatComesToSpeakHttpIsTakenFromConnections()
    {
        MeshCompiler compiler = new();
        string world = World + Route("GRPCRoute", "web", "shop");
        ObjectSet before = Read(world.Replace(Service("web"), Service("web", "appProtocol: tcp"), StringComparison.Ordinal)), after = Read(world, before);
        Assert.Equal("10.0.0.2", BackendOf(compiler.Update(before, null, [])));
        Assert.Equal("10.0.0.1", BackendOf(compiler.Update(after, null, [])));
    }

    [Theory]
    [InlineData("shop", "shop", true)]
    [InlineData("clients", "clients", true)]
    [InlineData("shop", "clients", false)]
    [InlineData("clients", "shop", false)]
    public void RoutesOfGrpcCountBeforeOthersOfTheirClients(string grpc, string http, bool isConflict)
    {
        ObjectSet set = Read(Service("web") + Service("v2") + Route("GRPCRoute", "calls", grpc) + Route("HTTPRoute", "web", http));
        Assert.Equal(isConflict ? [$"GRPCRoute {grpc}/calls counts for port 80/tcp of Service web, and this one does not"] : [], set.Warnings.Select(w => w.Reason));
        Assert.Equal(2, MeshCompiler.Compile(set, []).HttpRoutes.Count); // which of them is for a client its node knows
    }

    [Fact]
    public void AllNodesAreToldAllRoutes()
    {
        ObjectSet set = Read(World + Route("HTTPRoute", "web", "shop") + Route("GRPCRoute", "web", "shop"));
        ResourceCatalog catalog = MeshCompiler.Compile(set, []);
        Assert.All(["node-1", "nobody"], node => Assert.Equal(["GRPCRoute shop/web", "HTTPRoute shop/web"], catalog.SnapshotFor(node).HttpRoutes.Keys.Select(k => k.ToString()).Order(StringComparer.Ordinal)));
        Assert.Equal(2, catalog.Shared.Keys.Count(k => k.Kind == ResourceKind.HttpRoute));
    }

    [Fact]
    public void ARouteWithAnErrorStaysAsItWas()
    {
        string good = Route("HTTPRoute", "web", "shop");
        ObjectSet before = Read(World + good), after = Read(World + good.Replace("port: 80}", "port: 80, filters: [{type: RequestMirror}]}", StringComparison.Ordinal), before);
        Assert.Equal("RequestMirror is not supported yet at a backend", Assert.Single(after.Errors).Reason);
        Assert.Equal("v2", MeshCompiler.Compile(after, []).HttpRoutes.Values.Single().Rules[0].Backends[0].Service!.Value.Name);
    }

    private static ObjectSet Read(string text, ObjectSet? before = null) => ObjectSetReader.Read([new("all.yaml", text)], before ?? ObjectSet.Empty);

    private static string BackendOf(ResourceCatalog catalog) => Assert.Single(catalog.SnapshotFor("node-1").Services[new("shop", "web")].Ports[0].Backends).Address.ToString();

    private static string Service(string name, string port = "") =>
        $"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{clusterIP: 10.96.0.{name.Length}, selector: {{app: {name}}}, ports: [{{port: 80{(port.Length > 0 ? $", {port}" : "")}}}]}}\n---\n";

    private static string Route(string kind, string name, string ns) =>
        $"apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{parentRefs: [{{group: \"\", kind: Service, name: web, namespace: shop}}], rules: [{{backendRefs: [{{name: v2, namespace: shop, port: 80}}]}}]}}\n---\n";
}
