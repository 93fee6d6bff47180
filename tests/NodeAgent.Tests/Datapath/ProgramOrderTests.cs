using Culvert.Core;
using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>The agent's programs run before those of others at a pod's interface, and do so again when others have come before them.</summary>
public sealed class ProgramOrderTests
{
    private const uint Handle = 7;

    [Theory]
    [InlineData(true, TcDirection.Egress)]
    [InlineData(true, TcDirection.Ingress)]
    [InlineData(false, TcDirection.Egress)]
    [InlineData(false, TcDirection.Ingress)]
    public void A_program_of_others_that_comes_before_ours_comes_after_it(bool tcx, TcDirection direction)
    {
        using ReconcilerFixture node = new(tcx);
        NodeSnapshot snapshot = ReconcilerFixture.Snapshot(ReconcilerFixture.Pod("pod", "10.0.0.1"));
        node.Apply(snapshot);
        int index = node.World.Uplink.Index;
        BpfProgram own = direction == TcDirection.Egress ? node.World.Programs.ToPod : node.World.Programs.FromPod, other = node.World.Programs.FromNet;
        BpfLink? link = null;
        node.World.In(() =>
        {
            Assert.True(node.Reconciler.IsCurrent(snapshot));
            if (tcx) link = BpfLink.AttachTcx(other, index, direction);
            else TcFilter.Attach(other, index, direction, Handle, 1);
            Assert.Equal([other.Id, own.Id], Programs(node, index, direction, tcx));
            Assert.False(node.Reconciler.IsCurrent(snapshot));
        });

        node.Apply(snapshot);

        node.World.In(() =>
        {
            Assert.Equal([own.Id, other.Id], Programs(node, index, direction, tcx));
            Assert.True(node.Reconciler.IsCurrent(snapshot));
        });
        Assert.Equal(1, node.Attacher.PutFirstCount);
        link?.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_agent_that_starts_puts_the_programs_that_it_takes_over_first(bool tcx)
    {
        using ReconcilerFixture node = new(tcx);
        NodeSnapshot snapshot = ReconcilerFixture.Snapshot(ReconcilerFixture.Pod("pod", "10.0.0.1"));
        node.Apply(snapshot);
        int index = node.World.Uplink.Index;
        BpfLink? link = null;
        node.World.In(() =>
        {
            if (tcx) link = BpfLink.AttachTcx(node.World.Programs.FromNet, index, TcDirection.Egress);
            else TcFilter.Attach(node.World.Programs.FromNet, index, TcDirection.Egress, Handle, 1);
        });
        node.Restart();
        node.Apply(snapshot);
        node.World.In(() => Assert.Equal([node.World.Programs.ToPod.Id, node.World.Programs.FromNet.Id], Programs(node, index, TcDirection.Egress, tcx)));
        link?.Dispose();
    }

    private static uint[] Programs(ReconcilerFixture node, int index, TcDirection direction, bool tcx) => tcx
        ? [.. BpfLink.QueryTcx(index, direction).Select(p => p.ProgramId)]
        : [.. node.Filters(index, direction).Select(f => f.ProgramId).OfType<uint>()];
}
