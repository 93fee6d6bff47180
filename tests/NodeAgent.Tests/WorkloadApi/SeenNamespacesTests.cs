using System.Collections.Immutable;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.WorkloadApi;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>How often network namespaces are looked at that are no pod's, of which a pod can make any number.</summary>
public sealed class SeenNamespacesTests
{
    private static readonly ImmutableArray<LocalEndpoint> Endpoints = [Endpoint()];

    private readonly ManualTime _time = new();
    private readonly SeenNamespaces _seen;

    public SeenNamespacesTests() => _seen = new SeenNamespaces(_time);

    [Fact]
    public void OneThatWasNobodysIsNotLookedAtAgainForAMoment()
    {
        Assert.True(_seen.MayLook(1, "", Endpoints));
        _seen.NoteNobodys(1);
        Assert.False(_seen.MayLook(1, "", Endpoints));
        _time.Advance(SeenNamespaces.NobodysFor);
        Assert.True(_seen.MayLook(1, "", Endpoints));
        _seen.NoteNobodys(1);
        Assert.False(_seen.MayLook(1, "", Endpoints));

        // It may be one's that has been captured since.
        Assert.True(_seen.MayLook(1, "", [Endpoint()]));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void OnlySoManyThatAreNoPodsAreLookedAtAndPodsAreAlways()
    {
        _seen.NotePods(1);
        for (ulong i = 0; i < SeenNamespaces.Burst; i++) Assert.True(_seen.MayLook(1000 + i, "", Endpoints));
        Assert.Throws<IOException>(() => _seen.MayLook(2, "", Endpoints));
        Assert.Throws<IOException>(() => _seen.MayLook(3, "", Endpoints));
        Assert.True(_seen.WasAPods(1));
        Assert.True(_seen.MayLook(1, "", Endpoints));

        // What the kubelet says is a pod's counts by itself.
        Assert.True(_seen.MayLook(2, "pod", Endpoints));
        _time.Advance(TimeSpan.FromSeconds(1));
        for (ulong i = 0; i < SeenNamespaces.PerSecond; i++) Assert.True(_seen.MayLook(2000 + i, "", Endpoints));
        Assert.Throws<IOException>(() => _seen.MayLook(3, "", Endpoints));

        // A number that is another's now.
        _seen.NoteNobodys(1);
        Assert.False(_seen.WasAPods(1));
    }

    private static LocalEndpoint Endpoint() => new(ServedWorkloads.Workload("web", ServedWorkloads.WebId), "veth0", 7, 1500, [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]);
}
