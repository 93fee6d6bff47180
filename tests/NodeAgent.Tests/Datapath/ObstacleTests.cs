using System.Text;
using Culvert.Core;
using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>A pod whose network the mesh can't be part of without breaking it stays as it was, and status says why. Needs root.</summary>
public sealed class ObstacleTests
{
    private static readonly WorkloadInfo Web = ReconcilerFixture.Pod("web", "10.7.0.2"), NotCaptured = Web with { Enrolled = false, EnrolmentRefused = true };

    public ObstacleTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");

    [Fact]
    public void ABridgeIsNone()
    {
        using ReconcilerFixture node = new();
        node.World.Shell("ip link add cni0 address 0e:00:00:00:00:bb type bridge");
        AssertCaptured(node);
        Assert.False(Assert.Single(node.State.Current.Endpoints).IsBridged);

        // The tables say so as soon as it is one's port.
        node.World.Shell("ip link set up0 master cni0");
        AssertCaptured(node);
        LocalEndpoint endpoint = Assert.Single(node.State.Current.Endpoints);
        Assert.True(endpoint.IsBridged);
        Assert.Equal<byte>([0x0e, 0, 0, 0, 0, 0xbb], endpoint.HostMac);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AProgramThatRedirectsByItself(bool tcx)
    {
        using ReconcilerFixture node = new(tcx);
        using BpfObject cilium = BpfObject.Open(Renamed(node.World.Options.DatapathObject, "cv_from_net", "cil_fromnet"), "cilium");
        cilium.SetAutoload("cv_from_pod", false).SetAutoload("cv_to_pod", false).Load();
        using BpfProgram program = cilium.GetProgram("cil_fromnet");
        BpfLink? link = null;
        node.World.In(() =>
        {
            if (tcx) link = BpfLink.AttachTcx(program, node.World.Uplink.Index, TcDirection.Ingress);
            else TcFilter.Attach(program, node.World.Uplink.Index, TcDirection.Ingress, 1, 2);
        });
        using (link)
        {
            AssertRefused(node, "cil_fromnet", "up0", "another CNI");
            Assert.Equal(["cil_fromnet"], NamesAt(node, "up0"));
            Assert.Equal([Web.Uid], node.State.Current.Refused);

            // The controller has taken it out of the mesh; why goes on being told.
            node.Apply(ReconcilerFixture.Snapshot(NotCaptured));
            Assert.Contains("cil_fromnet", node.State.Current.NotCaptured[Web.Uid], StringComparison.Ordinal);
            Assert.Equal([Web.Uid], node.State.Current.Refused);
            Assert.Empty(node.Attached);

            // Nor does it come back because its link has gone for a while.
            node.Apply(ReconcilerFixture.Snapshot(NotCaptured with { HostInterface = "elsewhere" }));
            Assert.Equal([Web.Uid], node.State.Current.Refused);

            // Closed only it would stay while a process that another test starts still has it, which is until that has become its program.
            link?.Detach();
        }

        node.World.In(() =>
        {
            if (!tcx) TcFilter.Detach(node.World.Uplink.Index, TcDirection.Ingress, 1, 2);
        });
        node.World.In(() => Assert.False(node.Reconciler.IsCurrent(ReconcilerFixture.Snapshot(NotCaptured))));
        node.Apply(ReconcilerFixture.Snapshot(NotCaptured));
        Assert.Empty(node.State.Current.Refused);
        AssertCaptured(node);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void AnInterfaceThatIsAnotherUseOfTheNodesIsNoWorkloads()
    {
        using ReconcilerFixture node = new();
        node.World.Ip("link set up0 up");
        node.World.Ip("route add 10.7.0.50/32 dev up0");
        node.World.Ip("route add 192.0.2.0/24 via 10.7.0.50 dev up0");
        AssertRefused(node, "up0 leads out of the node, by a route with a gateway");
        Assert.Empty(node.Attached);
        Assert.Empty(node.State.Current.Refused);

        node.World.Ip("route del 192.0.2.0/24");
        AssertRefused(node, "up0 leads to 10.7.0.50, which is no address of the workload");
        Assert.Empty(node.Attached);

        // A machine with a network behind it, and addresses that its object does not name.
        node.World.Ip("route add 10.7.0.2/32 dev up0");
        node.World.Ip("route add 192.0.2.0/24 via 10.7.0.2 dev up0");
        AssertCaptured(node);
    }

    [Fact]
    public void WhoWasGuardedIsNotLetGo()
    {
        using ReconcilerFixture node = new();
        AssertCaptured(node);
        using BpfObject cilium = BpfObject.Open(Renamed(node.World.Options.DatapathObject, "cv_from_net", "cil_fromnet"), "cilium");
        cilium.SetAutoload("cv_from_pod", false).SetAutoload("cv_to_pod", false).Load();
        using BpfProgram program = cilium.GetProgram("cil_fromnet");
        BpfLink? link = null;
        node.World.In(() => link = BpfLink.AttachTcx(program, node.World.Uplink.Index, TcDirection.Ingress));
        using (link)
        {
            node.Apply(ReconcilerFixture.Snapshot(Web));
            Assert.Equal(["up0 cv_from_pod", "up0 cv_to_pod"], node.Attached);
            Assert.Contains("refuses every packet until that is mended", node.State.Current.NotCaptured[Web.Uid], StringComparison.Ordinal);
            Assert.Empty(node.State.Current.Refused);
        }
    }

    private static void AssertRefused(ReconcilerFixture node, params string[] words)
    {
        node.Apply(ReconcilerFixture.Snapshot(Web));
        Assert.Empty(node.Attached);
        Assert.All(words, w => Assert.Contains(w, node.State.Current.NotCaptured[Web.Uid], StringComparison.Ordinal));
    }

    private static string[] NamesAt(ReconcilerFixture node, string link)
    {
        string[] names = [];
        node.World.In(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            names = [.. new ForeignAttachments(netlink).NamesAt(netlink.GetLinks().Single(l => l.Name == link))];
        });
        return names;
    }

    private static void AssertCaptured(ReconcilerFixture node)
    {
        node.World.In(() => Assert.False(node.Reconciler.IsCurrent(ReconcilerFixture.Snapshot(Web))));
        node.Apply(ReconcilerFixture.Snapshot(Web));
        Assert.Empty(node.State.Current.NotCaptured);
        Assert.Equal(["up0 cv_from_pod", "up0 cv_to_pod"], node.Attached);
    }

    // The names are of the same length: the object's symbols are where they were.
    private static byte[] Renamed(string path, string name, string other)
    {
        byte[] elf = File.ReadAllBytes(path), from = Encoding.ASCII.GetBytes(name), to = Encoding.ASCII.GetBytes(other);
        Assert.Equal(from.Length, to.Length);
        for (int at; (at = elf.AsSpan().IndexOf(from)) >= 0;) to.CopyTo(elf.AsSpan(at));
        return elf;
    }
}
