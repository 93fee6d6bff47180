using System.Text.Json;
using System.Text.Json.Nodes;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Controller.Statuses;
using Culvert.Core;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>What a route says of its parents that are Services.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class RouteStatusTests(TestCluster cluster)
{
    private const string Others = """{"controllerName":"example.net/edge","parentRef":{"name":"edge","color":"red"},"conditions":[{"type":"Programmed","status":"True"}]}""";
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Theory]
    [InlineData("", "", "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs")]
    [InlineData("spec.rules[0].backendRefs[1].kind", "", "Accepted=False/UnsupportedValue ResolvedRefs=False/InvalidKind")]
    [InlineData("spec.rules[0].backendRefs[1].namespace", "", "Accepted=False/UnsupportedValue ResolvedRefs=False/RefNotPermitted")]
    [InlineData("spec.rules[0].backendRefs[1].weight", "", "Accepted=False/UnsupportedValue ResolvedRefs=Unknown/Pending")]
    [InlineData("", "spec.parentRefs[1]/NotFound", "Accepted=False/NoMatchingParent ResolvedRefs=True/ResolvedRefs")]
    [InlineData("", "spec.parentRefs[1]/Conflicted", "Accepted=False/Conflicted ResolvedRefs=True/ResolvedRefs")]
    [InlineData("", "spec.parentRefs[1]/None", "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs")]
    [InlineData("", "spec.parentRefs[1].namespace/None", "Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs")]
    [InlineData("", "spec.parentRefs[0]/NotFound", "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs")]
    [InlineData("", "spec.rules[0].backendRefs[0].kind/None", "Accepted=True/Accepted ResolvedRefs=False/InvalidKind")]
    [InlineData("", "spec.hostnames/None", "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs")]
    [InlineData("", "spec.rules[0].backendRefs[0].filters[0].requestHeaderModifier.set[1].name/None", "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs")]
    [InlineData("", "spec.rules[0].backendRefs[0]/NotFound", "Accepted=True/Accepted ResolvedRefs=False/BackendNotFound")]
    [InlineData("", "spec.rules[0].filters/NotFound", "Accepted=True/Accepted ResolvedRefs=False/BackendNotFound")]
    [InlineData("", "spec.rules[0].filters[0].requestMirror.backendRef.kind/None", "Accepted=True/Accepted ResolvedRefs=False/InvalidKind")]
    [InlineData("", "spec.rules[0].filters[0].cors.allowOrigins/None", "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs")]
    public void FaultsAreToldInTheWordsOfTheApi(string error, string warning, string wanted)
    {
        string[] parts = warning.Split('/');
        ObjectStatus status = Status(error.Length > 0 ? [new("p", 0, "TCPRoute shop/r", error, "is wrong")] : []) with
        {
            Warnings = warning.Length > 0 ? ((SourceError[])[new("p", 0, "TCPRoute shop/r", parts[0], "is doubtful") { Fault = Enum.Parse<ReferenceFault>(parts[1]) }]).ToEquatableArray() : [],
        };
        ParentStatus entry = Assert.Single(RouteStatus.Of(status, [new(1, Service("web"))], [], Time));
        Assert.Equal(wanted, Text(entry.Conditions));
        Assert.All(entry.Conditions, c => Assert.Equal((7, Time), (c.ObservedGeneration!.Value, c.LastTransitionTime!.Value)));
    }

    [Fact]
    public void AConditionKeepsTheTimeSinceWhenItSaysTheSame()
    {
        ParentStatus before = Assert.Single(RouteStatus.Of(Status([]), [new(0, Service("web"))], [], Time));
        ParentEntry[] has = [new(default, before)];
        Assert.True(RouteStatus.AreIn(RouteStatus.Of(Status([]), [new(0, Service("web"))], has, Time.AddHours(1)), has));
        Assert.False(RouteStatus.AreIn(RouteStatus.Of(Status([]), [new(0, Service("api"))], has, Time.AddHours(1)), has));
        Assert.False(RouteStatus.AreIn([], has));
    }

    [Fact]
    public async Task EachParentHasAnEntryAndWhatOtherControllersSayStays()
    {
        ApiKind kind = TestCluster.OptionalKindOf(ObjectKind.TCPRoute).In("v1");
        await cluster.InstallWithoutSchemaAsync(kind.Type);
        try
        {
            string ns = await cluster.NamespaceAsync();
            IResourceClient<ApiDocument> routes = cluster.Admin.Resource(kind.Type);
            await RouteAsync(ns, "r", """{name: edge}, {group: "", kind: Service, name: web, port: 80}, {group: "", kind: Service, name: api}""");
            await routes.PatchAsync(new(ns, "r"), Patch.Merge(System.Text.Encoding.UTF8.GetBytes($$$"""{"status":{"parents":[{{{Others}}}]}}""")), new() { Subresource = "status" }, TestContext.Current.CancellationToken);
            await RouteAsync(ns, "gateways-only", "{name: edge}");
            await using RunningOnCluster controller = await cluster.ControllerAsync();
            await IsAsync("web Accepted=False/NoMatchingParent ResolvedRefs=False/BackendNotFound", "api Accepted=False/NoMatchingParent ResolvedRefs=False/BackendNotFound");

            await ServiceAsync(ns, "web");
            await IsAsync("web Accepted=True/Accepted ResolvedRefs=False/BackendNotFound", "api Accepted=False/NoMatchingParent ResolvedRefs=False/BackendNotFound");
            await ServiceAsync(ns, "web-v2");
            await IsAsync("web Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs", "api Accepted=False/NoMatchingParent ResolvedRefs=True/ResolvedRefs");

            // One that is neither older nor the first by name does not count, until the other one goes.
            await RouteAsync(ns, "s", """{group: "", kind: Service, name: web}""");
            await Soon.Holds("the second says so", async () => (await routes.GetAsync(new(ns, "s"), TestContext.Current.CancellationToken)).Parents is [{ Own: { } own }] && Text(own.Conditions) == "Accepted=False/Conflicted ResolvedRefs=True/ResolvedRefs"
                && own.Conditions[0].Message == $"TCPRoute {ns}/r counts for port 80/tcp of Service web, and this one does not");
            await IsAsync("web Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs", "api Accepted=False/NoMatchingParent ResolvedRefs=True/ResolvedRefs");

            // What was written since then would be lost.
            StatusWrite stale = StatusWrite.OfRoute(new("1", 7, [new(0, Service("web"))], []), Status([]), Time)!;
            ApiException refused = await Assert.ThrowsAsync<ApiException>(() => stale.SendAsync(routes, new(ns, "r"), TestContext.Current.CancellationToken));
            Assert.Equal(ApiFailure.Conflict, refused.Failure);

            // A parent that goes takes its entry along.
            await RouteAsync(ns, "r", """{name: edge}, {group: "", kind: Service, name: api}""");
            await IsAsync("api Accepted=False/NoMatchingParent ResolvedRefs=True/ResolvedRefs");
            await Soon.Holds("the second counts", async () => Text((await routes.GetAsync(new(ns, "s"), TestContext.Current.CancellationToken)).Parents[0].Own!.Conditions) == "Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs");
            await RouteAsync(ns, "r", "{name: edge}");
            await IsAsync();
            Assert.Empty((await routes.GetAsync(new(ns, "gateways-only"), TestContext.Current.CancellationToken)).Parents);

            async Task<ParentStatus[]> FindAsync()
            {
                ApiDocument found = await routes.GetAsync(new(ns, "r"), TestContext.Current.CancellationToken);
                ParentEntry other = Assert.Single(found.Parents, p => p.Own is null);
                Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Others), JsonNode.Parse(other.Json.GetRawText())));
                ParentStatus[] own = [.. found.Parents.Select(p => p.Own).OfType<ParentStatus>()];
                return own.SelectMany(o => o.Conditions).All(c => c.ObservedGeneration == found.Metadata.Generation) ? own : [new(new() { Name = "of another version" }, "", [])];
            }

            async Task IsAsync(params string[] wanted)
            {
                string[] found = [];
                await Soon.Holds(string.Join(", ", wanted), async () =>
                {
                    found = [.. (await FindAsync()).Select(o => $"{o.ParentRef.Name} {Text(o.Conditions)}")];
                    return found.SequenceEqual(wanted);
                }, () => string.Join(", ", found));
            }
        }
        finally
        {
            await cluster.UninstallAsync(kind);
        }
    }

    [Theory]
    [InlineData(nameof(ObjectKind.TCPRoute), "connections to the Service follow it")]
    [InlineData(nameof(ObjectKind.HTTPRoute), "requests to the Service follow it")]
    [InlineData(nameof(ObjectKind.GRPCRoute), "requests to the Service follow it")]
    public void WhatFollowsARouteIsSaid(string kind, string message)
    {
        ObjectStatus status = Status([]) with { Object = new(Enum.Parse<ObjectKind>(kind), "shop", "r") };
        Assert.Equal(message, Assert.Single(RouteStatus.Of(status, [new(0, Service("web"))], [], Time)).Conditions[0].Message);
    }

    [Fact]
    public async Task RoutesOfRequestsSayWhatHasBecomeOfThem()
    {
        ApiKind kind = TestCluster.OptionalKindOf(ObjectKind.HTTPRoute).In("v1");
        await cluster.InstallWithoutSchemaAsync(kind.Type);
        try
        {
            string ns = await cluster.NamespaceAsync(), other = await cluster.NamespaceAsync();
            IResourceClient<ApiDocument> routes = cluster.Admin.Resource(kind.Type);
            await RequestsAsync("""{backendRefs: [{name: web, port: 80}]}""");
            await using RunningOnCluster controller = await cluster.ControllerAsync();
            await IsAsync("Accepted=False/NoMatchingParent ResolvedRefs=False/BackendNotFound");
            await ServiceAsync(other, "web");
            await IsAsync("Accepted=True/Accepted ResolvedRefs=False/BackendNotFound");
            await ServiceAsync(ns, "web");
            await IsAsync("Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs");
            await controller.SnapshotAsync(s => s.HttpRoutes.ContainsKey(new(HttpRouteKind.Http, new(ns, "requests"))));
            await RequestsAsync("""{backendRefs: [{name: web, port: 80}, {kind: Bucket, name: files}]}""");
            await IsAsync("Accepted=True/Accepted ResolvedRefs=False/InvalidKind");
            await RequestsAsync("""{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: gone, port: 80}}}], backendRefs: [{name: web, port: 80}]}""");
            await IsAsync("Accepted=True/Accepted ResolvedRefs=False/BackendNotFound");
            await RequestsAsync("""{filters: [{type: ExternalAuth, externalAuth: {}}], backendRefs: [{name: web, port: 80}]}""");
            await IsAsync("Accepted=False/UnsupportedValue ResolvedRefs=Unknown/Pending");

            Task RequestsAsync(string rule) => cluster.KubectlAsync($$$"""
                apiVersion: gateway.networking.k8s.io/v1
                kind: HTTPRoute
                metadata: {name: requests, namespace: {{{ns}}}}
                spec: {parentRefs: [{name: edge}, {group: "", kind: Service, name: web, namespace: {{{other}}}}], rules: [{{{rule}}}]}
                """);

            async Task IsAsync(string wanted)
            {
                string found = "";
                await Soon.Holds(wanted, async () => (found = (await routes.GetAsync(new(ns, "requests"), TestContext.Current.CancellationToken)).Parents is [{ Own: { } own }] ? Text(own.Conditions) : "") == wanted, () => found);
            }
        }
        finally
        {
            await cluster.UninstallAsync(kind);
        }
    }

    [Theory]
    [InlineData("""{"name":"edge"},{"group":"","kind":"Service","name":"web"},{"group":"","kind":"Service","name":"web","namespace":"other"}""", "1", "", "spec.parentRefs[2].namespace")]
    [InlineData("""{"name":"edge"},{"group":"","kind":"Service","name":"web","namespace":"other"}""", "", "spec.parentRefs[1].namespace", "")]
    [InlineData("""{"name":"edge"}""", "", "spec.parentRefs[0].kind", "")]
    public void AParentThatCannotCountTakesNoOtherAlong(string parents, string indexes, string error, string note)
    {
        string route = $$"""{"apiVersion":"gateway.networking.k8s.io/v1","kind":"TCPRoute","metadata":{"name":"r","namespace":"shop"},"spec":{"parentRefs":[{{parents}}],"rules":[{"backendRefs":[{"name":"a","port":80}]}]} }""";
        ReadObject read = ObjectReader.Read(new ApiOrigin("p", "1"), JsonReader.Read(1, route)!);
        Assert.Equal(error, string.Join(' ', read.Errors.Select(e => e.Field)));
        Assert.Equal(indexes, string.Join(' ', (read.Object as RouteObject)?.Parents.Select(p => p.Index) ?? []));
        Assert.Equal(note, string.Join(' ', read.Object?.Notes.Select(n => n.Field) ?? []));
    }

    [Fact]
    public void TheOldestOfSeveralCountsAndThenTheFirstByName()
    {
        RouteObject[] routes = [Route("d", null), Route("c", 0), Route("b", 1), Route("a", 1), new(ObjectKind.TrafficSplit, Route("e", -1).Meta)];
        Assert.Equal(["c", "a", "b", "d", "e"], RouteObject.ByPrecedence(routes).Select(r => r.Meta.Name));

        static RouteObject Route(string name, int? age) => new(ObjectKind.TCPRoute, new() { Name = name, Origin = new ApiOrigin(name, "1") { Created = age is { } hours ? Time.AddHours(hours) : null } });
    }

    [Fact]
    public void AnEntryOfTheOwnThatCannotBeReadIsWrittenAnew()
    {
        using JsonDocument status = JsonDocument.Parse($$"""{"parents":[{{Others}},{"controllerName":"{{RouteStatus.ControllerName}}","conditions":7},3,{"controllerName":"{{RouteStatus.ControllerName}}","parentRef":{"group":"","kind":"Service","name":"web"} },{"controllerName":"{{RouteStatus.ControllerName}}","parentRef":null,"conditions":[null]}]}""");
        IReadOnlyList<ParentEntry> entries = ParentEntry.Of(status.RootElement);
        Assert.Equal([false, true, false, true, true], entries.Select(e => e.Own is not null));
        Assert.False(RouteStatus.AreIn(RouteStatus.Of(Status([]), [new(0, Service("web"))], entries, Time), entries));
    }

    private static ParentReference Service(string name) => new() { Group = "", Kind = "Service", Name = name };

    private static ObjectStatus Status(SourceError[] errors) =>
        new(new(ObjectKind.TCPRoute, "shop", "r"), new ApiOrigin("p", "1") { Generation = 7 }, errors.Length == 0 ? ObjectState.Accepted : ObjectState.Rejected, errors.ToEquatableArray());

    private static string Text(IReadOnlyList<Condition> conditions) => string.Join(' ', conditions.Select(c => $"{c.Type}={c.Status}/{c.Reason}"));

    private Task RouteAsync(string ns, string name, string parents) => cluster.KubectlAsync($$$"""
        apiVersion: gateway.networking.k8s.io/v1
        kind: TCPRoute
        metadata: {name: {{{name}}}, namespace: {{{ns}}}}
        spec: {parentRefs: [{{{parents}}}], rules: [{backendRefs: [{name: web, port: 80}, {name: web-v2, port: 80}]}]}
        """);

    private Task ServiceAsync(string ns, string name) => cluster.KubectlAsync($$$"""
        apiVersion: v1
        kind: Service
        metadata: {name: {{{name}}}, namespace: {{{ns}}}}
        spec: {ports: [{port: 80}]}
        """);
}
