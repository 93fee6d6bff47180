using System.Collections.Immutable;
using Culvert.Core;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>Which series are about something that exists.</summary>
public sealed class SeriesSubjectsTests
{
    private static readonly NamespacedName Shop = new("demo", "shop");

    private static readonly NodeSnapshot Snapshot = new()
    {
        Workloads = ImmutableDictionary.CreateRange([KeyValuePair.Create("u", new WorkloadInfo { Uid = "u", Name = new("demo", "web"), ServiceAccount = "web", Identity = SpiffeId.Parse("spiffe://td/ns/demo/sa/web"), Node = "n" })]),
        Services = ImmutableDictionary.CreateRange([KeyValuePair.Create(Shop, new ServiceInfo { Name = Shop })]),
        HttpRoutes = ImmutableDictionary.CreateRange([KeyValuePair.Create(new HttpRouteKey(HttpRouteKind.Http, new("demo", "canary")), new HttpRouteInfo { Name = new("demo", "canary") })]),
        Policies = ImmutableDictionary.CreateRange([KeyValuePair.Create(new NamespacedName("demo", "allow"), new PolicyInfo { Name = new("demo", "allow") }), KeyValuePair.Create(RateLimitNames.PolicyOf(new("demo", "slow")), new PolicyInfo { Name = RateLimitNames.PolicyOf(new("demo", "slow")) })]),
    };

    [Theory]
    [InlineData("source_workload source_workload_namespace source_principal", "web demo spiffe://td/ns/demo/sa/web", true)]
    [InlineData("source_workload source_workload_namespace source_principal", "gone demo spiffe://td/ns/demo/sa/web", false)]
    [InlineData("source_workload source_workload_namespace source_principal", "web elsewhere unknown", false)]
    [InlineData("source_workload source_workload_namespace source_principal", "unknown unknown unknown", true)]
    [InlineData("source_workload source_workload_namespace source_principal", "unknown unknown spiffe://other/peer", false)]
    [InlineData("source_workload source_workload_namespace destination_workload destination_workload_namespace", "web demo gone demo", false)]
    [InlineData("source_workload source_workload_namespace destination_workload destination_workload_namespace", "web demo web demo", true)]
    [InlineData("service service_namespace port", "shop demo 80", true)]
    [InlineData("service service_namespace port", "gone demo 80", false)]
    [InlineData("service service_namespace port", "other other other", true)]
    [InlineData("route_kind route route_namespace backend backend_namespace", "HTTPRoute canary demo shop demo", true)]
    [InlineData("route_kind route route_namespace backend backend_namespace", "HTTPRoute gone demo shop demo", false)]
    [InlineData("route_kind route route_namespace backend backend_namespace", "HTTPRoute canary demo gone demo", false)]
    [InlineData("route_kind route route_namespace backend backend_namespace", "Service shop demo shop demo", true)]
    [InlineData("policy", "demo/allow", true)]
    [InlineData("policy", "demo/slow", true)]
    [InlineData("policy", "demo/gone", false)]
    [InlineData("issuer result", "https://gone.example ok", false)]
    [InlineData("authorizer result", "opa ok", false)]
    public void AreThoseOfTheLabels(string names, string values, bool exist)
    {
        SeriesSubjects subjects = new(names.Split(' '));
        Assert.False(subjects.IsFixed);
        Assert.Equal(exist, subjects.Exist(values.Split(' '), new SnapshotSubjects(() => Snapshot)));
    }

    [Fact]
    public void LabelsWithoutAnObjectAreFixed() => Assert.True(new SeriesSubjects(["side", "result"]).IsFixed);
}
