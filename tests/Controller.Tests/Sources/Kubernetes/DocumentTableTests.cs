using System.Text;
using System.Text.Json;
using Culvert.Controller.Compilation;
using Culvert.Controller.CustomResources;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Kubernetes;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>How objects of the API are read, as servers of any version write them.</summary>
public sealed class DocumentTableTests
{
    private readonly PendingChanges _changes = new();

    [Fact]
    public void EveryKindThatIsInstalledIsWatchedWhereItIsServedAndHasAStatus() => Assert.Equal(
        CustomResourceTable.All.Select(r => $"{r.DefinitionName} {CustomResourceTable.Version} {r.Kind} {r.Kind} {!r.IsClusterScoped}").Order(StringComparer.Ordinal),
        ApiKind.All.Where(k => k.Status == StatusForm.Conditions).Select(k => $"{k.Type.FullName} {k.Type.Version} {k.Type.Kind} {k.Kind} {k.Type.IsNamespaced}").Order(StringComparer.Ordinal));

    [Fact]
    public void FieldsOfNewerVersionsAreNoErrorsInKindsOfKubernetes()
    {
        ReadObject service = Read("Service", "\"spec\":{\"clusterIP\":\"10.96.0.1\",\"clusterIPs\":[\"10.96.0.1\",\"fd00::1\"],\"ports\":[{\"port\":80,\"targetPort\":8080,\"color\":\"red\"}],\"trafficDistribution\":\"PreferSameNode\",\"color\":{\"red\":1}}");
        Assert.Empty(service.Errors);
        Assert.Equal(2, Assert.IsType<ServiceObject>(service.Object).ClusterIps.Count);
        Assert.Empty(Read("Namespace", "\"spec\":{\"finalizers\":[\"kubernetes\"],\"color\":\"red\"}", ns: "").Errors);
    }

    [Fact]
    public void AnUnknownFieldOfANetworkPolicyMayTakeAwayFromWhatItAllowsSoItAllowsNothing()
    {
        ReadObject read = Read("NetworkPolicy", "\"spec\":{\"podSelector\":{},\"ingress\":[{\"onlyOnSundays\":true}]}");
        Assert.Equal("spec.ingress[0].onlyOnSundays", Assert.Single(read.Errors).Field);
        Assert.True(Assert.IsType<NetworkPolicyObject>(read.Rejected).Ingress[0].MatchesNothing);
    }

    [Fact]
    public void AFieldOfAnOwnKindThatIsNotKnownIsAnError()
    {
        SourceError error = Assert.Single(Read("Workload", "\"spec\":{\"node\":\"n1\",\"addresses\":[\"10.0.0.1\"],\"color\":\"red\"}").Errors);
        Assert.StartsWith("apis/culvert.dev/v1alpha1/namespaces/shop/workloads/x: Workload shop/x: spec.color: unknown field; known are ", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void AServiceMayBeHeadlessAndWithoutPorts()
    {
        ServiceObject service = Assert.IsType<ServiceObject>(Read("Service", "\"spec\":{\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"],\"selector\":{\"app\":\"web\"}}").Object);
        Assert.True(service.ClusterIps.IsEmpty && service.Ports.IsEmpty);
    }

    [Fact]
    public void OfAnExternalNameItIsSaidThatItMeansNothing()
    {
        ReadObject read = Read("Service", "\"spec\":{\"type\":\"ExternalName\",\"externalName\":\"example.org\"}");
        Assert.Null(read.Object);
        Assert.Contains("a name of DNS only", Assert.Single(read.Errors).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void PortsOfOtherProtocolsTakeNoOthersDown()
    {
        ServiceObject service = Assert.IsType<ServiceObject>(Read("Service", "\"spec\":{\"clusterIP\":\"10.96.0.1\",\"ports\":[{\"name\":\"b\",\"port\":81,\"protocol\":\"SCTP\"},{\"name\":\"a\",\"port\":80}]}").Object);
        ServicePortObject port = Assert.Single(service.Ports);
        Assert.Equal(("a", 1), (port.Name, port.Place));
        EndpointSliceObject slice = Assert.IsType<EndpointSliceObject>(Slice("{\"addresses\":[\"10.0.0.1\"]}", "{\"name\":\"a\",\"port\":80,\"protocol\":\"TCP\"},{\"name\":\"b\",\"port\":81,\"protocol\":\"SCTP\"},{\"name\":\"c\"}").Object);
        Assert.Equal("a", Assert.Single(slice.Ports).Name);
    }

    [Theory]
    [InlineData("", "ready")]
    [InlineData("{}", "ready")]
    [InlineData("{\"ready\":true}", "ready")]
    [InlineData("{\"ready\":true,\"serving\":false,\"terminating\":true}", "ready")]
    [InlineData("{\"ready\":false}", "")]
    [InlineData("{\"ready\":false,\"serving\":true,\"terminating\":true}", "draining")]
    [InlineData("{\"ready\":false,\"serving\":true,\"terminating\":false}", "")]
    [InlineData("{\"ready\":false,\"serving\":false,\"terminating\":true}", "")]
    [InlineData("{\"ready\":false,\"terminating\":true}", "")]
    public void AnEndpointIsReadyOrDrainingAsItsConditionsSay(string conditions, string wanted)
    {
        EndpointSliceObject slice = Assert.IsType<EndpointSliceObject>(Slice($"{{\"addresses\":[\"10.0.0.1\"]{(conditions.Length > 0 ? $",\"conditions\":{conditions}" : "")}}}").Object);
        Assert.Equal(wanted, slice.Ready.Count == 1 ? "ready" : slice.Draining.Count == 1 ? "draining" : "");
    }

    [Fact]
    public void WhoIsEndingIsSentToOnlyWhileNobodyIsReady()
    {
        const string draining = "{\"addresses\":[\"10.0.0.1\"],\"conditions\":{\"ready\":false,\"serving\":true,\"terminating\":true}}";
        ServiceObject service = (ServiceObject)Read("Service", "\"spec\":{\"clusterIP\":\"10.96.0.1\",\"ports\":[{\"name\":\"a\",\"port\":80}]}").Object!;
        string Backends(string endpoints) => string.Join(' ', ServiceCompiler.Compile(service, [(EndpointSliceObject)Slice(endpoints).Object!], [], _ => null).Ports[0].Backends.Select(b => b.Address));
        Assert.Equal("10.0.0.1", Backends(draining));
        Assert.Equal("10.0.0.2", Backends($"{draining},{{\"addresses\":[\"10.0.0.2\"]}}"));
    }

    [Fact]
    public void ASliceOfNoServiceIsNobodysAndNoError()
    {
        var table = new DocumentTable(TestCluster.KindOf("EndpointSlice"), _changes, new NoStatuses());
        table.Set(Document("\"addressType\":\"IPv4\",\"endpoints\":null,\"ports\":null", "", "shop", "1"));
        Assert.Empty(_changes.Take());
        table.Set(Document("\"addressType\":\"IPv4\",\"endpoints\":null,\"ports\":null", "\"kubernetes.io/service-name\":\"web\"", "shop", "2"));
        Assert.NotNull(Assert.Single(_changes.Take()).Declaration?.Content.Object);
        table.Set(Document("\"addressType\":\"IPv4\",\"endpoints\":null,\"ports\":null", "", "shop", "3"));
        Assert.Null(Assert.Single(_changes.Take()).Declaration);
    }

    [Fact]
    public void AnUpdateOfTheStatusAloneIsNoChange()
    {
        var table = new DocumentTable(TestCluster.KindOf("Workload"), _changes, new NoStatuses());
        const string spec = "\"spec\":{\"node\":\"n1\",\"addresses\":[\"10.0.0.1\"]}";
        table.Set(Document(spec, "", "shop", "1"));
        Assert.Single(_changes.Take());
        table.Set(Document($"{spec},\"status\":{{\"conditions\":[{{\"type\":\"Accepted\"}}]}}", "", "shop", "2"));
        Assert.Empty(_changes.Take());
        table.Set(Document(spec, "\"app\":\"web\"", "shop", "3"));
        Assert.Equal("3", Assert.IsType<ApiOrigin>(Assert.Single(_changes.Take()).Declaration!.Origin).ResourceVersion);
        table.Remove(new("shop", "x"));
        Assert.Null(Assert.Single(_changes.Take()).Declaration);
    }

    [Fact]
    public void AFieldThatAnOlderDefinitionHasLeftOutOfTheSameVersionIsAChange()
    {
        var table = new DocumentTable(TestCluster.KindOf("Workload"), _changes, new NoStatuses());
        table.Set(Document("\"spec\":{\"node\":\"n1\"}", "", "shop", "1"));
        Declaration before = Assert.Single(_changes.Take()).Declaration!;
        table.Set(Document("\"spec\":{\"node\":\"n1\",\"addresses\":[\"10.0.0.1\"]}", "", "shop", "1"));
        Assert.False(before.IsSame(Assert.Single(_changes.Take()).Declaration!));
    }

    [Fact]
    public void WhatIsNestedTooDeepIsUnreadableByItselfAndAStatusOfNonsenseIsNone()
    {
        string deep = string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40);
        Assert.Throws<JsonException>(() => Document($"\"spec\":{deep}", "", "shop", "1"));
        Assert.Empty(Document("\"spec\":{},\"status\":{\"conditions\":7}", "", "shop", "1").Conditions);
    }

    private ReadObject Slice(string endpoints, string ports = "{\"name\":\"a\",\"port\":80}") =>
        Read("EndpointSlice", $"\"addressType\":\"IPv4\",\"endpoints\":[{endpoints}],\"ports\":[{ports}]", "\"kubernetes.io/service-name\":\"web\"");

    private ReadObject Read(string kind, string content, string labels = "", string ns = "shop")
    {
        new DocumentTable(TestCluster.KindOf(kind), _changes, new NoStatuses()).Set(Document(content, labels, ns, "1"));
        return Assert.Single(_changes.Take()).Declaration!.Content;
    }

    private static ApiDocument Document(string content, string labels, string ns, string version)
    {
        string where = ns.Length > 0 ? $"\"namespace\":\"{ns}\"," : "";
        string json = $"{{\"metadata\":{{\"name\":\"x\",{where}\"resourceVersion\":\"{version}\",\"generation\":1,\"managedFields\":[{{\"time\":\"{version}\"}}],\"labels\":{{{labels}}}}},{content}}}";
        return JsonSerializer.Deserialize(Encoding.UTF8.GetBytes(json), ApiJson.Default.ApiDocument)!;
    }

    private sealed class NoStatuses : ISeenObjects
    {
        public void See(string place, SeenObject seen)
        {
        }

        public void Forget(string place)
        {
        }
    }
}
