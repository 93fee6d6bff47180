using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>A workload whose link can't be told any more must not lose its guards. Needs root.</summary>
public sealed class QuarantinedInterfaceTests
{
    private static readonly string[] Both = ["up0 cv_from_pod", "up0 cv_to_pod"];
    private static readonly WorkloadInfo Web = ReconcilerFixture.Pod("web", "10.7.0.2");

    public QuarantinedInterfaceTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");

    [Theory, InlineData(false), InlineData(true)]
    public void ItsInterfaceKeepsProgramsThatRefuseEverythingUntilItIsFoundAgain(bool restart)
    {
        using ReconcilerFixture node = new();
        node.Apply(ReconcilerFixture.Snapshot(Web));
        Assert.Equal(Both, node.Attached);

        NodeSnapshot wrong = ReconcilerFixture.Snapshot(Web with { HostInterface = "absent0" });
        for (int run = 0; run < (restart ? 3 : 1); run++)
        {
            if (run > 0) node.Restart();
            node.Apply(wrong);
            Assert.Equal(Both, node.Attached);
            Assert.True(node.Reconciler.IsCurrent(wrong));
            Assert.Contains("absent0 does not exist on this node; up0, which was", node.State.Current.NotCaptured[Web.Uid], StringComparison.Ordinal);
            ulong before = node.Drops(CvReason.NoEndpoint);
            node.SendFrom("far0", "10.7.0.2", "10.7.0.9");
            Assert.True(SpinWait.SpinUntil(() => node.Drops(CvReason.NoEndpoint) > before, TimeSpan.FromSeconds(10)), "the packet was let through");
        }

        node.Apply(ReconcilerFixture.Snapshot(Web));
        Assert.Equal(Both, node.Attached);
        Assert.Empty(node.State.Current.NotCaptured);
        ulong refused = node.Drops(CvReason.NoEndpoint);
        node.SendFrom("far0", "10.7.0.2", "10.7.0.9");
        Assert.Equal(refused, node.Drops(CvReason.NoEndpoint));
    }

    [Fact]
    public void ItHasAnAddressButIsNoUplink()
    {
        using ReconcilerFixture node = new();
        node.World.Ip("address add 10.7.0.1/24 dev up0");
        node.Apply(ReconcilerFixture.Snapshot(Web));
        node.Apply(ReconcilerFixture.Snapshot(Web with { HostInterface = "absent0" }));
        Assert.Equal(Both, node.Attached);
        Assert.Empty(node.State.Current.Uplinks);
    }

    /// <summary>Deleted without waiting for its end a pod is gone from the cluster while it runs: until its runtime has taken its link away it is not to be reached, nor to reach anybody.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void APodThatIsGoneFromTheClusterIsGuardedForAsLongAsItsLinkIsThere(bool restart)
    {
        using ReconcilerFixture node = new();
        WorkloadInfo pod = Web with { PodUid = "first" };
        node.Apply(ReconcilerFixture.Snapshot(pod));
        foreach (NodeSnapshot snapshot in (NodeSnapshot[])[ReconcilerFixture.Snapshot(), ReconcilerFixture.Snapshot(pod with { PodUid = "second", HostInterface = "absent0" }), ReconcilerFixture.Snapshot(pod with { PodUid = null, Node = "n2" })])
        {
            if (restart) node.Restart();
            node.Apply(snapshot);
            Assert.Equal(Both, node.Attached);
            Assert.True(node.Reconciler.IsCurrent(snapshot));
            ulong before = node.Drops(CvReason.NoEndpoint);
            node.SendFrom("far0", "10.7.0.2", "10.7.0.9");
            Assert.True(SpinWait.SpinUntil(() => node.Drops(CvReason.NoEndpoint) > before, TimeSpan.FromSeconds(10)), "the packet was let through");
        }
        node.World.Ip("link del up0");
        node.Apply(ReconcilerFixture.Snapshot());
        Assert.Empty(node.State.Current.Quarantined);
        Assert.Empty(node.Attached);
    }

    [Fact]
    public void APodThatLeavesTheMeshGoesFree()
    {
        using ReconcilerFixture node = new();
        WorkloadInfo pod = Web with { PodUid = "first" };
        node.Apply(ReconcilerFixture.Snapshot(pod));
        node.Apply(ReconcilerFixture.Snapshot(pod with { Enrolled = false }));
        Assert.Empty(node.Attached);
    }

    [Fact]
    public void AWorkloadThatLeavesOrMovesGoesFree()
    {
        using ReconcilerFixture node = new();
        foreach (WorkloadInfo gone in (WorkloadInfo[])[Web with { Enrolled = false }, Web with { Node = "n2" }])
        {
            node.Apply(ReconcilerFixture.Snapshot(Web));
            Assert.Equal(Both, node.Attached);
            node.Apply(ReconcilerFixture.Snapshot(gone));
            Assert.Empty(node.Attached);
            Assert.Empty(Directory.GetFiles(node.World.Pins.Links));
        }
    }

    [Fact]
    public void AnInterfaceThatIsGoneOrAnothersIsNotHeld()
    {
        using ReconcilerFixture node = new();
        node.Apply(ReconcilerFixture.Snapshot(Web));
        WorkloadInfo next = ReconcilerFixture.Pod("next", "10.7.0.3"), lost = Web with { HostInterface = "absent0" };
        node.Apply(ReconcilerFixture.Snapshot(lost, next));
        Assert.Empty(node.State.Current.Quarantined);
        Assert.Equal(next.Uid, Assert.Single(node.State.Current.Endpoints).Workload.Uid);

        NodeSnapshot none = ReconcilerFixture.Snapshot(lost, next with { HostInterface = "absent1" });
        node.Apply(none);
        Assert.Equal(next.Uid, Assert.Single(node.State.Current.Quarantined).Workload);
        node.World.Ip("link del up0");
        node.World.Ip("link add up0 type veth peer name far0");
        Assert.False(node.Reconciler.IsCurrent(none));
        node.Apply(none);
        Assert.Empty(node.State.Current.Quarantined);
        Assert.Empty(node.Attached);
    }
}
