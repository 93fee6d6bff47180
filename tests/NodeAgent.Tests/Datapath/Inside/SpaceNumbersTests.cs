using Culvert.Core;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath.Inside;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath.Inside;

/// <summary>Numbers of pods' namespaces are given in turn, whatever agent gives them.</summary>
public sealed class SpaceNumbersTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-spaces-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void OneThatWasGivenUpIsNotTheNextAfterARestart()
    {
        SpaceNumbers numbers = Start();
        Assert.Equal([(ushort)1, (ushort)2], [numbers.Take(Owner("a")), numbers.Take(Owner("b"))]);
        numbers.KeepOnly(new HashSet<ushort> { 1 });
        numbers = Start();
        Assert.Equal((ushort)1, numbers.Take(Owner("a")));
        Assert.Equal((ushort)3, numbers.Take(Owner("c")));
    }

    [Fact]
    public void WhatAnAgentOfTheVersionBeforeHasWrittenIsKept()
    {
        File.WriteAllText(Path.Combine(_folder, "spaces"), "4 11 demo/a\n7 12 demo/b\n");
        SpaceNumbers numbers = Start();
        Assert.Equal((ushort)4, numbers.Take(new SpaceOwner(11, "demo/a")));
        numbers.KeepOnly(new HashSet<ushort> { 4 });
        numbers = Start();
        Assert.Equal([(ushort)4], numbers.All.Keys);
        Assert.Equal((ushort)8, numbers.Take(Owner("c")));
    }

    [Fact]
    public void WhichPodItIsIsKeptAndOneThatIsGoneFromTheClusterCountsUntilItsNamespaceIsGone()
    {
        using NetworkNamespace own = NetworkNamespace.Current();
        WorkloadInfo pod = ReconcilerFixture.Pod("web", "10.7.0.2") with { PodUid = "first" };
        SpaceOwner there = new(own.Inode, pod.Uid), ended = new(1, "demo/ended") { PodUid = "first" };
        SpaceNumbers numbers = Start();
        Assert.Equal((ushort)1, numbers.Take(there));
        Assert.Equal((ushort)1, numbers.Take(there with { PodUid = "first" }));
        numbers.Take(ended);
        numbers = Start();
        Assert.Equal([there with { PodUid = "first" }, ended], numbers.All.OrderBy(n => n.Key).Select(n => n.Value));
        (SpaceOwner owner, NodeSnapshot none) = (numbers.All[1], ReconcilerFixture.Snapshot());
        Assert.False(owner.IsOfGonePod(ReconcilerFixture.Snapshot(pod)));
        Assert.False(owner.IsOfGonePod(ReconcilerFixture.Snapshot(pod with { Enrolled = false })));
        Assert.True(owner.IsOfGonePod(none));
        Assert.True(owner.IsOfGonePod(ReconcilerFixture.Snapshot(pod with { PodUid = "second" })));
        Assert.False(ended.IsOfGonePod(none));
        Assert.False(there.IsOfGonePod(none));
    }

    [Fact]
    public void ThatAllWereGivenUpIsKeptAsWell()
    {
        SpaceNumbers numbers = Start();
        numbers.Take(Owner("a"));
        numbers.KeepOnly(new HashSet<ushort>());
        Assert.Equal((ushort)2, Start().Take(Owner("b")));
    }

    private SpaceNumbers Start() => new(_folder, NullLogger.Instance);

    private static SpaceOwner Owner(string name) => new(100, name);
}
