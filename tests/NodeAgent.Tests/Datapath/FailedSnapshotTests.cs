using System.Net;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>A snapshot is in force as a whole or not at all, whatever goes wrong on the way. Needs root.</summary>
public sealed class FailedSnapshotTests
{
    private static readonly WorkloadInfo First = ReconcilerFixture.Pod("first", "10.7.0.2");
    private static readonly WorkloadInfo Second = ReconcilerFixture.Pod("second", "10.7.0.3", "up1");
    private static readonly WorkloadInfo Third = ReconcilerFixture.Pod("third", "10.7.0.4", "up2");

    public FailedSnapshotTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");

    [Theory, InlineData(true), InlineData(false)]
    public void ALinkThatGoesWhileItIsAttachedToIsAMissingOne(bool tcx)
    {
        using ReconcilerFixture node = new(tcx);
        AddPair(node, 1);
        NodeSnapshot snapshot = ReconcilerFixture.Snapshot(First, Second);
        node.Look = () => new Overtaken(node.LookAtKernel(), () => node.World.Ip("link del up0"));
        node.Apply(snapshot);
        node.Look = node.LookAtKernel;

        Assert.Equal(["up1 cv_from_pod", "up1 cv_to_pod"], node.Attached);
        Assert.Equal(Second.Uid, Assert.Single(node.State.Current.Endpoints).Workload.Uid);
        Assert.Contains("up0 went away", node.State.Current.NotCaptured[First.Uid], StringComparison.Ordinal);
        Assert.True(node.Reconciler.IsCurrent(snapshot));

        AddPair(node, 0);
        Assert.False(node.Reconciler.IsCurrent(snapshot));
        node.Apply(snapshot);
        Assert.Equal(4, node.Attached.Length);
        Assert.Empty(node.State.Current.NotCaptured);
    }

    [Fact]
    public void ASnapshotThatDoesNotFitLeavesThePodsItWouldLetGoGuarded()
    {
        using ReconcilerFixture node = new();
        node.Apply(ReconcilerFixture.Snapshot(First));
        (uint generation, string[] attached, DatapathInForce state) = (node.Writer.Current, node.Attached, node.State.Current);
        NodeSnapshot large = ReconcilerFixture.Snapshot() with { Mesh = new MeshSettings { ExcludedPorts = [.. Enumerable.Range(1, 40_000).Select(p => (ushort)p)] } };
        Assert.Throws<GenerationTooLargeException>(() => node.Apply(large, _ => Assert.Fail("it never was in force")));
        Assert.Equal((generation, state), (node.Writer.Current, node.State.Current));
        Assert.Equal(attached, node.Attached);
        Assert.Equal([generation], Generations(node));
        Assert.True(node.Reconciler.IsCurrent(ReconcilerFixture.Snapshot(First)));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void WhenAProgramCannotBeAttachedEverythingIsAsBefore(bool restart)
    {
        using ReconcilerFixture node = new();
        AddPair(node, 1);
        AddPair(node, 2);
        NodeSnapshot before = ReconcilerFixture.Snapshot(First), next = ReconcilerFixture.Snapshot(Second, Third);
        node.Apply(before);
        (uint generation, string[] attached) = (node.Writer.Current, node.Attached);
        if (restart) node.Restart();
        DatapathInForce state = node.State.Current;
        string blocked = node.World.Pins.Link("up2_in");
        Directory.CreateDirectory(blocked); // nothing can be pinned there

        List<bool> switched = [];
        Assert.Throws<BpfException>(() => node.Apply(next, to =>
        {
            switched.Add(to);
            Assert.Equal(to ? generation + 1 : generation, node.Writer.Current);
            Assert.DoesNotContain("up0 cv_from_pod", node.Attached);
        }));
        Assert.Equal([true, false], switched);
        Assert.Equal((generation, state), (node.Writer.Current, node.State.Current));
        Assert.Equal(attached, node.Attached);
        Assert.Equal([generation], Generations(node));
        foreach (string other in (string[])["up1", "up2"])
        {
            node.World.In(() => Assert.Empty(BpfLink.QueryTcx(node.Look().FindByName(other)!.Index, TcDirection.Ingress)));
            node.World.In(() => Assert.Empty(BpfLink.QueryTcx(node.Look().FindByName(other)!.Index, TcDirection.Egress)));
        }
        node.SendFrom("far0", "10.7.0.99", "10.7.0.9");
        Assert.True(SpinWait.SpinUntil(() => node.Drops(CvReason.SpoofedSource) > 0, TimeSpan.FromSeconds(10)), "the pod is not guarded");

        Directory.Delete(blocked);
        node.Apply(next);
        Assert.Equal(["up1 cv_from_pod", "up1 cv_to_pod", "up2 cv_from_pod", "up2 cv_to_pod"], node.Attached);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void AttackThePacketsOfANewLinkComeBeforeTheTablesKnowItsPod()
    {
        using ReconcilerFixture node = new();
        node.Apply(ReconcilerFixture.Snapshot(First));
        AddPair(node, 1);
        // As long as the tables take, or for ever where they can't be written: nothing leaves the pod.
        NodeSnapshot large = ReconcilerFixture.Snapshot(First, Second) with { Mesh = new MeshSettings { ExcludedPorts = [.. Enumerable.Range(1, 40_000).Select(p => (ushort)p)] } };
        Assert.Throws<GenerationTooLargeException>(() => node.Apply(large));
        node.SendFrom("far1", "10.7.0.3", "10.7.0.9");
        Assert.True(SpinWait.SpinUntil(() => node.Drops(CvReason.NoEndpoint) > 0, TimeSpan.FromSeconds(10)), "the packet was let through");

        node.Apply(ReconcilerFixture.Snapshot(First, Second));
        Assert.Equal(4, node.Attached.Length);
        ulong refused = node.Drops(CvReason.NoEndpoint);
        node.SendFrom("far1", "10.7.0.3", "10.7.0.9");
        Assert.Equal(refused, node.Drops(CvReason.NoEndpoint));
    }

    [Fact]
    public void TheProxyChangesOverBeforeNewPodsAreCaptured()
    {
        using ReconcilerFixture node = new();
        AddPair(node, 1);
        // Pods come and go, and an address is given away: its connections must not be taken for those of the pod that had it.
        foreach (WorkloadInfo pod in (WorkloadInfo[])[First, ReconcilerFixture.Pod("heir", "10.7.0.2", "up1"), First])
        {
            uint before = node.Writer.Current;
            int told = 0;
            node.Apply(ReconcilerFixture.Snapshot(pod), switched =>
            {
                told++;
                Assert.True(switched);
                Assert.Equal(before + 1, node.Writer.Current);
                Assert.Empty(node.Attached);
            });
            Assert.Equal(1, told);
            Assert.Equal([$"{pod.HostInterface} cv_from_pod", $"{pod.HostInterface} cv_to_pod"], node.Attached);
        }
    }

    [Fact]
    public void WhatCouldNotBePutBackIsNotCurrent()
    {
        using ReconcilerFixture node = new();
        AddPair(node, 1);
        NodeSnapshot before = ReconcilerFixture.Snapshot(First), next = ReconcilerFixture.Snapshot(Second);
        node.Apply(before);
        string pin = node.World.Pins.Link("up0_in");
        File.Delete(pin);
        Directory.CreateDirectory(pin); // can neither be deleted as a pin nor made one again
        Assert.Throws<UnauthorizedAccessException>(() => node.Apply(next));
        Assert.False(node.Reconciler.IsCurrent(before));

        Directory.Delete(pin);
        node.Apply(before);
        Assert.True(node.Reconciler.IsCurrent(before));
        Assert.Equal(["up0 cv_from_pod", "up0 cv_to_pod"], node.Attached);
        node.World.In(() => Assert.Single(BpfLink.QueryTcx(node.World.Uplink.Index, TcDirection.Ingress)));
    }

    [Fact]
    public void RemainsOfAnAgentThatWasKilledWhileItWroteDoNotComeIntoForce()
    {
        using ReconcilerFixture node = new();
        node.Apply(ReconcilerFixture.Snapshot(First));
        CvPolicyKey stray = new() { Generation = node.Writer.Current + 1, Prefixlen = CvAbi.PolicyPrefix, PolicySet = 4711 };
        node.World.Programs.Maps.Policy.Set(stray, default);
        node.Restart();
        node.Apply(ReconcilerFixture.Snapshot(First));
        Assert.Equal(stray.Generation, node.Writer.Current);
        Assert.False(node.World.Programs.Maps.Policy.TryGet(stray, out _));
    }

    [Fact]
    public void AnInterfaceThatBecomesAPodsOrAnUplinkHasTheProgramsOfThat()
    {
        using ReconcilerFixture node = new();
        node.World.Ip("address add 10.7.0.1/24 dev up0");
        string[] pod = ["up0 cv_from_pod", "up0 cv_to_pod"];
        foreach (bool restart in (bool[])[false, true])
        {
            node.Apply(ReconcilerFixture.Snapshot());
            Assert.Equal(["up0 cv_from_net"], node.Attached);
            if (restart) node.Restart();
            node.Apply(ReconcilerFixture.Snapshot(First));
            Assert.Equal(pod, node.Attached);
            node.World.In(() => Assert.Equal(node.World.Programs.FromPod.Id, Assert.Single(BpfLink.QueryTcx(node.World.Uplink.Index, TcDirection.Ingress)).ProgramId));
            if (restart) node.Restart();
        }
        node.Apply(ReconcilerFixture.Snapshot());
        node.World.In(() => Assert.Empty(BpfLink.QueryTcx(node.World.Uplink.Index, TcDirection.Egress)));
    }

    private static void AddPair(ReconcilerFixture node, int number)
    {
        node.World.Ip($"link add up{number} type veth peer name far{number}");
        node.World.Ip($"link set up{number} addrgenmode none up");
        node.World.Ip($"link set far{number} addrgenmode none up");
    }

    private static uint[] Generations(ReconcilerFixture node)
    {
        DatapathMaps maps = node.World.Programs.Maps;
        return [.. maps.Address.Keys().Select(k => k.Generation).Concat(maps.Endpoint.Keys().Select(k => k.Generation)).Concat(maps.Service.Keys().Select(k => k.Generation)).Concat(maps.Policy.Keys().Select(k => k.Generation)).Distinct()];
    }

    /// <summary>Something happens after the links were looked at and before anything is changed.</summary>
    private sealed class Overtaken(ILinks seen, Action happens) : ILinks
    {
        public IReadOnlySet<int> Indexes => seen.Indexes;

        private bool _happened;

        public IReadOnlyCollection<IPAddress> NodeAddresses
        {
            get
            {
                if (!_happened) happens();
                _happened = true;
                return seen.NodeAddresses;
            }
        }

        public LinkState? FindByName(string name) => seen.FindByName(name);

        public string? FindOtherUse(WorkloadInfo workload, LinkState link) => seen.FindOtherUse(workload, link);

        public LinkState? FindByHostRoute(IPAddress address) => seen.FindByHostRoute(address);

        public System.Collections.Immutable.ImmutableArray<byte>? FindPeerMac(LinkState link) => seen.FindPeerMac(link);

        public LinkState? FindBridge(LinkState link) => seen.FindBridge(link);

        public string? FindForeign(LinkState link) => seen.FindForeign(link);

        public string? FindRefusal(WorkloadInfo workload, LinkState link) => seen.FindRefusal(workload, link);

        public string? FindObstacle(LinkState link) => seen.FindObstacle(link);

        public IReadOnlyDictionary<string, string> FindUndelivered(IReadOnlyList<LocalEndpoint> pods, IReadOnlySet<string> captured, Culvert.NodeAgent.Datapath.Delivery.ProbeDestinations destinations) => seen.FindUndelivered(pods, captured, destinations);

        public Culvert.NodeAgent.Datapath.Inside.PodNamespace? FindInside(WorkloadInfo workload, string reason, out string obstacle) => seen.FindInside(workload, reason, out obstacle);

        public bool IsWithoutHostEnd(WorkloadInfo workload) => seen.IsWithoutHostEnd(workload);

        public string? FindDetour(WorkloadInfo from, LinkState link, IEnumerable<LocalEndpoint> neighbours) => seen.FindDetour(from, link, neighbours);

        public IReadOnlyList<LinkState> FindUplinks(IReadOnlySet<string> pods, IEnumerable<IPAddress> near, IEnumerable<IPAddress> far) => seen.FindUplinks(pods, near, far);
    }
}
