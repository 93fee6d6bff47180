using System.Text;
using System.Text.Json;
using Culvert.Controller.Objects;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s.Models;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>What pods declare, update by update.</summary>
public sealed class PodTableTests
{
    private readonly PendingChanges _changes = new();
    private readonly PodTable _table;

    public PodTableTests() => _table = new(_changes);

    [Fact]
    public void APodWithoutANodeDeclaresNothingAndOneWithoutAnAddressIsToldFromWhenItHasANode()
    {
        _table.Set(Pod("a", "", node: ""));
        _table.Set(Pod("b", "10.0.0.1", node: ""));
        Assert.Empty(Take());
        _table.Set(Pod("a", ""));
        Assert.Equal(["a "], Take());
        Assert.Equal("a", ((WorkloadObject)Assert.Single(_table.Declarations).Content.Object!).PodUid);
        _table.Set(Pod("a", "10.0.0.2"));
        Assert.Equal(["a 10.0.0.2"], Take());
        _table.Set(Pod("a", "", phase: "Failed"));
        Assert.Equal(["-a"], Take());
    }

    [Fact]
    public void APodThatStartsHasTheAddressOfOneThatIsBeingDeletedAtOnceAndThatOfAnotherWhenThatHasGone()
    {
        _table.Set(Pod("old", "10.0.0.1"));
        _table.Set(Pod("new", ""));
        Assert.Equal(["new ", "old 10.0.0.1"], Take());
        _table.Set(Pod("old", "10.0.0.1", isLeaving: true));
        _table.Set(Pod("new", "10.0.0.1"));
        Assert.Equal(["-old", "new 10.0.0.1"], Take());

        _table.Set(Pod("again", ""));
        Assert.Equal(["again "], Take());
        _table.Set(Pod("again", "10.0.0.1"));
        Assert.Equal(["again "], Take());
        _table.Remove(new("shop", "new"));
        Assert.Equal(["-new", "again 10.0.0.1"], Take());
    }

    [Theory]
    [InlineData("0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef")]
    [InlineData("2f3423f4-0000-0000-0000-000000000000", "a")]
    [InlineData("0123456789abcdef0123456789abcdef\\n", "a")]
    [InlineData("", "a")]
    public void ItsNodeKnowsAStaticPodByTheUidThatTheMirrorNames(string mirror, string uid)
    {
        _table.Set(Pod("a", "", annotations: $"\"kubernetes.io/config.mirror\":\"{mirror}\""));
        var workload = (WorkloadObject)Assert.Single(_table.Declarations).Content.Object!;
        Assert.Equal((uid, "a"), (workload.PodUid, workload.ObjectUid));
    }

    /// <summary>Whoever may write a pod's status, and be it of another namespace, could take addresses from pods of the mesh otherwise.</summary>
    [Fact]
    public void NothingInAStatusTakesAnAddressFromAPodThatIsThere()
    {
        _table.Set(Pod("victim", "10.0.0.1", made: 5));
        _table.Set(Pod("thief", "10.0.0.9", start: 9, made: 1));
        Take();
        _table.Set(Pod("thief", "10.0.0.1", start: 59, made: 1));
        Assert.Equal(["thief "], Take());
        Declaration thief = Assert.Single(_table.Declarations, d => d.Key.Object!.Value.Name == "thief");
        Assert.Contains(thief.Content.Errors, e => e.ToString().Contains("status.podIPs: 10.0.0.1 is the address of the pod shop/victim, which has it by right of the first, or of the older; the pod counts without it", StringComparison.Ordinal));

        // What the victim's status says next is no matter.
        _table.Set(Pod("victim", "10.0.0.1", made: 5, version: "9"));
        Assert.Empty(Take());
        _table.Set(Pod("thief", "10.0.0.9", start: 59, made: 1));
        Assert.Equal(["thief 10.0.0.9"], Take());
    }

    [Fact]
    public void APodOfTheNodesNetworkIsToldWhenItHasAnAddress()
    {
        _table.Set(Pod("a", "", spec: "\"hostNetwork\":true,"));
        Assert.Empty(Take());
    }

    [Fact]
    public void APodThatFollowsAnotherOfItsNameIsAnotherOne()
    {
        _table.Set(Pod("web-0", "10.0.0.1", uid: "one"));
        Take();
        _table.Set(Pod("web-0", "10.0.0.1", uid: "two"));
        Assert.Equal(["web-0 10.0.0.1"], Take());
        Assert.Equal("two", ((WorkloadObject)Assert.Single(_table.Declarations).Content.Object!).PodUid);
    }

    [Theory]
    [InlineData("Succeeded")]
    [InlineData("Failed")]
    public void APodThatHasEndedIsGoneAndItsAddressIsFree(string phase)
    {
        _table.Set(Pod("a", "10.0.0.1", start: 2));
        _table.Set(Pod("a", "10.0.0.1", start: 2, phase: phase));
        _table.Set(Pod("b", "10.0.0.1", start: 1));
        Assert.Equal(["-a", "b 10.0.0.1"], Take());
    }

    /// <summary>As a controller that starts hears of them: by name, whoever was there first.</summary>
    [Theory]
    [InlineData("aaa")]
    [InlineData("zzz")]
    public void OfTwoThatAreListedTheOlderHasAnAddress(string thief)
    {
        KindWatch<V1Pod> watch = new(KnownResources.Pods, _table, change => change());
        ((IReflectorSink<V1Pod>)watch).Replace(new() { Items = [.. new[] { Pod(thief, "10.0.0.1", made: 9), Pod("victim", "10.0.0.1", made: 5) }.OrderBy(p => p.Metadata.Name, StringComparer.Ordinal)], ResourceVersion = "7" });
        Assert.Contains("victim 10.0.0.1", Take());
        Assert.Equal(7ul, watch.Mark);
    }

    [Fact]
    public void AnAddressIsNeverOfTwoPods()
    {
        _table.Set(Pod("old", "10.0.0.1 fd00::1"));
        _table.Set(Pod("old", "10.0.0.1 fd00::1", isLeaving: true));
        Assert.Equal(["old 10.0.0.1,fd00::1"], Take());
        _table.Set(Pod("new", "10.0.0.1"));
        Assert.Equal(["new 10.0.0.1", "old fd00::1"], Take());

        // An update of the old one, as its end is told late, takes nothing back.
        _table.Set(Pod("old", "10.0.0.1 fd00::1", isLeaving: true, version: "9"));
        Assert.Empty(Take());
        _table.Remove(new("shop", "new"));
        Assert.Equal(["-new", "old 10.0.0.1,fd00::1"], Take());
        _table.Set(Pod("new", "10.0.0.1 fd00::1"));
        Assert.Equal(["-old", "new 10.0.0.1,fd00::1"], Take());
        _table.Remove(new("shop", "old"));
        Assert.Empty(Take());
    }

    [Fact]
    public void OfSeveralThatAreToldAtOnceTheOldestOfThoseThatStayHasAnAddress()
    {
        _table.Set(Pod("a", "10.0.0.1", made: 4, isLeaving: true));
        _table.Set(Pod("b", "10.0.0.1", made: 6));
        _table.Set(Pod("c", "10.0.0.1", made: 5, isLeaving: true));
        Assert.Equal(["b 10.0.0.1"], Take().Where(c => c[0] != '-'));
        _table.Remove(new("shop", "b"));
        Assert.Equal(["-b", "a 10.0.0.1"], Take());
    }

    [Fact]
    public void PodsOfTheNodesNetworkShareItsAddressAndAreNoMembers()
    {
        _table.Set(Pod("a", "192.0.2.1", spec: "\"hostNetwork\":true,"));
        _table.Set(Pod("b", "192.0.2.1", spec: "\"hostNetwork\":true,"));
        _table.Set(Pod("c", "192.0.2.1", spec: "\"hostNetwork\":true,", labels: "\"culvert.dev/mesh\":\"enabled\""));
        Assert.Equal(["a 192.0.2.1", "b 192.0.2.1", "c 192.0.2.1"], Take());
        Assert.All(_table.Declarations, d => Assert.False(((WorkloadObject)d.Content.Object!).IsEnrolled(new NamespaceObject(Meta("culvert.dev/mesh", "enabled")))));
        Assert.Equal("spec.hostNetwork", Assert.Single(_table.Declarations.SelectMany(d => d.Content.Errors)).Field);
    }

    [Theory]
    [InlineData("", null, false)]
    [InlineData("", "enabled", true)]
    [InlineData("", "disabled", false)]
    [InlineData("enabled", "disabled", true)]
    [InlineData("disabled", "enabled", false)]
    [InlineData("maybe", "enabled", true)]
    [InlineData("maybe", "disabled", true)]
    [InlineData("maybe", null, true)]
    public void ThePodsLabelCountsMoreThanItsNamespaces(string own, string? ofNamespace, bool isMember)
    {
        _table.Set(Pod("a", "10.0.0.1", labels: own.Length == 0 ? "" : $"\"culvert.dev/mesh\":\"{own}\""));
        NamespaceObject? ns = ofNamespace is null ? null : new(Meta("culvert.dev/mesh", ofNamespace));
        Declaration told = Assert.Single(_table.Declarations);
        Assert.Equal(isMember, ((WorkloadObject)told.Content.Object!).IsEnrolled(ns));
        Assert.Equal(own == "maybe" ? ["label culvert.dev/mesh is 'maybe'; enabled or disabled is allowed; until then the pod is in the mesh"] : [], told.Content.Errors.Select(e => e.Reason));
    }

    [Fact]
    public void WhatIsWrongWithAnnotationsIsToldAndThePodIsThereAllTheSame()
    {
        _table.Set(Pod("a", "10.0.0.1", annotations: "\"culvert.dev/accept-proxy-protocol\":\"80\",\"culvert.dev/weight\":\"many\",\"culvert.dev/proxy-protocol\":\"v2:80\",\"other\":\"x\""));
        Declaration told = Assert.Single(_table.Declarations);
        WorkloadObject workload = Assert.IsType<WorkloadObject>(told.Content.Object);
        Assert.Equal((1, 1, 0), (workload.Meta.Weight, workload.ProxyProtocol.Ports.Count, workload.TrustedProxies.Count));
        Assert.Equal(2, told.Content.Errors.Count);
        Assert.All(told.Content.Errors, e => Assert.EndsWith("; the pod counts without it", e.Reason, StringComparison.Ordinal));
        Assert.All(told.Content.Errors, e => Assert.Equal("api/v1/namespaces/shop/pods/a", e.Place));
    }

    [Fact]
    public void NamedPortsAreThoseOfContainersThatGoOnRunningAndTheFirstOfANameCounts()
    {
        const string spec = """
            "containers":[{"name":"a","ports":[{"name":"web","containerPort":80},{"containerPort":81},{"name":"dns","containerPort":53,"protocol":"UDP"},{"name":"sig","containerPort":90,"protocol":"SCTP"}]},
                          {"name":"b","ports":[{"name":"web","containerPort":82}]}],
            "initContainers":[{"name":"c","ports":[{"name":"setup","containerPort":83}]},{"name":"d","restartPolicy":"Always","ports":[{"name":"side","containerPort":84}]}],
            """;
        _table.Set(Pod("a", "10.0.0.1", spec: spec));
        WorkloadObject workload = (WorkloadObject)Assert.Single(_table.Declarations).Content.Object!;
        Assert.Equal("dns=53/udp side=84/tcp web=80/tcp", string.Join(' ', workload.Ports.Select(p => $"{p.Key}={p.Value}")));
    }

    [Fact]
    public void AnUpdateThatChangesNothingThatCountsIsTheSame()
    {
        _table.Set(Pod("a", "10.0.0.1", labels: "\"app\":\"web\"", version: "1"));
        Take();
        _table.Set(Pod("a", "10.0.0.1", labels: "\"app\":\"web\"", version: "2", annotations: "\"other\":\"x\""));
        Assert.Empty(Take());
        _table.Set(Pod("a", "10.0.0.1", labels: "\"app\":\"api\"", version: "3"));
        Assert.Equal(["a 10.0.0.1"], Take());
    }

    [Fact]
    public void APodThatCantBeReadStaysAsItWas()
    {
        _table.Set(Pod("a", "10.0.0.1"));
        Take();
        _table.SetUnreadable(new(new() { NamespaceProperty = "shop", Name = "a" }, "a test"));
        Assert.Empty(Take());
        _table.SetUnreadable(new(new() { NamespaceProperty = "shop", Name = "b" }, "a test"));
        Assert.Equal(["b ?"], Take());
        _table.Set(Pod("b", "10.0.0.2"));
        Assert.Equal(["b 10.0.0.2"], Take());
    }

    private static Culvert.Controller.Objects.ObjectMeta Meta(string label, string value) => new()
    {
        Name = "shop",
        Labels = System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty.Add(label, value),
        Origin = new ApiOrigin("x", ""),
    };

    private static V1Pod Pod(
        string name, string addresses, int start = 0, int made = 0, string phase = "Running", string node = "n1", string labels = "", string annotations = "", string spec = "", string version = "1", string? uid = null, bool isLeaving = false)
    {
        string[] all = addresses.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string json = $$$"""
            {"metadata":{"name":"{{{name}}}","namespace":"shop","uid":"{{{uid ?? name}}}","resourceVersion":"{{{version}}}","creationTimestamp":"2030-01-01T00:00:{{{made:00}}}Z",{{{(isLeaving ? "\"deletionTimestamp\":\"2030-01-01T00:05:00Z\"," : "")}}}"labels":{ {{{labels}}} },"annotations":{ {{{annotations}}} } },
             "spec":{ {{{spec}}} "nodeName":"{{{node}}}","serviceAccountName":"web"},
             "status":{"phase":"{{{phase}}}","startTime":"2030-01-01T00:01:{{{start:00}}}Z","podIPs":[{{{string.Join(',', all.Select(a => $"{{\"ip\":\"{a}\"}}"))}}}]}}
            """;
        return JsonSerializer.Deserialize(Encoding.UTF8.GetBytes(json), KnownResources.Pods.Json)!;
    }

    private string[] Take() => [.. _changes.Take().Select(Text).Order(StringComparer.Ordinal)];

    private static string Text(ObjectChange change) => change.Declaration is not { } declaration ? $"-{change.Key.Object!.Value.Name}"
        : declaration.Content.Object is WorkloadObject workload ? $"{workload.Meta.Name} {string.Join(',', workload.Addresses)}"
        : $"{declaration.Key.Object!.Value.Name} ?";
}
