using System.Text;
using Culvert.Core;
using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>A pod whose network the mesh can't be part of without breaking it stays as it was, and status says why. Needs root.</summary>
public sealed class ObstacleTests
{
    private static readonly WorkloadInfo Web = ReconcilerFixture.Pod("web", "10.7.0.2");

    public ObstacleTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");

    [Theory]
    [InlineData("bridge-nf-call-iptables")]
    [InlineData("bridge-nf-call-ip6tables")]
    public void ABridgeThatNetfilterLooksInto(string setting)
    {
        using ReconcilerFixture node = new();
        Assert.SkipUnless(File.Exists($"/proc/sys/net/bridge/{setting}"), "the kernel has no br_netfilter");
        node.World.Shell($"""
            ip link add cni0 type bridge
            ip link set up0 master cni0
            sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
            """);
        AssertRefused(node, "net.bridge.bridge-nf-call-iptables=1, net.bridge.bridge-nf-call-ip6tables=1");

        // What status says is what is left to be done.
        node.World.Shell($"sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.{setting}=1");
        node.World.In(() => Assert.False(node.Reconciler.IsCurrent(ReconcilerFixture.Snapshot(Web))));
        AssertRefused(node, "up0", "cni0", $"net.bridge.{setting}=1");

        node.World.Shell($"sysctl -qw net.bridge.{setting}=0");
        AssertCaptured(node);

        // Who was guarded is not let go.
        node.World.Shell($"sysctl -qw net.bridge.{setting}=1");
        node.Apply(ReconcilerFixture.Snapshot(Web));
        Assert.Equal(["up0 cv_from_pod", "up0 cv_to_pod"], node.Attached);
        Assert.Contains("refuses every packet until that is mended", node.State.Current.NotCaptured[Web.Uid], StringComparison.Ordinal);
    }

    [Fact]
    public void NetfilterAtOtherBridgesConcernsNobody()
    {
        using ReconcilerFixture node = new();
        Assert.SkipUnless(Directory.Exists("/proc/sys/net/bridge"), "the kernel has no br_netfilter");
        node.World.Shell("""
            sysctl -qw net.bridge.bridge-nf-call-iptables=1
            ip link add cni0 type bridge
            ip link add other0 type veth peer name other1
            ip link set other0 master cni0
            """);
        AssertCaptured(node);
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
        using (link) AssertRefused(node, "cil_fromnet", "up0", "another CNI");

        node.World.In(() =>
        {
            if (!tcx) TcFilter.Detach(node.World.Uplink.Index, TcDirection.Ingress, 1, 2);
        });
        AssertCaptured(node);
    }

    private static void AssertRefused(ReconcilerFixture node, params string[] words)
    {
        node.Apply(ReconcilerFixture.Snapshot(Web));
        Assert.Empty(node.Attached);
        Assert.All(words, w => Assert.Contains(w, node.State.Current.NotCaptured[Web.Uid], StringComparison.Ordinal));
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
