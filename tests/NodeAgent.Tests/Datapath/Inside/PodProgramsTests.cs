using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.Tests.Datapath.Inside;

/// <summary>The programs in a pod's own network namespace run before those of others there, and do so again when others have come before them.</summary>
public sealed class PodProgramsTests : IDisposable
{
    private const ushort Space = 5;
    private const uint Handle = 7;

    private readonly AttachFixture _world;

    public PodProgramsTests()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");
        _world = new AttachFixture();
    }

    public void Dispose() => _world?.Dispose();

    [Theory]
    [InlineData(true, TcDirection.Egress)]
    [InlineData(true, TcDirection.Ingress)]
    [InlineData(false, TcDirection.Egress)]
    [InlineData(false, TcDirection.Ingress)]
    public void OneOfOthersThatComesBeforeOursComesAfterItAndTheOtherDirectionIsLeftAlone(bool tcx, TcDirection direction)
    {
        TcDirection healthy = direction == TcDirection.Egress ? TcDirection.Ingress : TcDirection.Egress;
        int index = _world.Uplink.Index;
        using NetworkNamespace network = _world.OpenNetwork();
        using PodPrograms programs = Load(network, tcx);
        Assert.False(programs.AreThere());
        Assert.True(programs.Attach(out (Attachment Ours, string Other)? overtaken));
        Assert.True(programs.AreThere());
        Assert.Null(overtaken);
        uint own = Assert.Single(Programs(index, direction, tcx));
        uint untouched = IdentityOf(healthy);

        BpfProgram other = _world.Programs.FromNet;
        using BpfLink? link = PutBefore(other, direction, tcx);
        Assert.Equal([other.Id, own], Programs(index, direction, tcx));
        Assert.False(programs.AreThere());

        Assert.True(programs.Attach(out overtaken));

        (Attachment ours, string before) = Assert.NotNull(overtaken);
        Assert.Equal((own, tcx ? $"program {other.Id}" : "bpf filter 7"), (ours.ProgramId, before));
        Assert.Equal([own, other.Id], Programs(index, direction, tcx));
        Assert.True(programs.AreThere());
        Assert.True(programs.Attach(out overtaken));
        Assert.Null(overtaken);
        Assert.Equal(untouched, IdentityOf(healthy));
        programs.Detach();

        // Of TCX the link, which is made anew where one is attached anew.
        uint IdentityOf(TcDirection at)
        {
            if (!tcx) return Assert.Single(Programs(index, at, tcx));
            using BpfLink pinned = BpfLink.OpenPinned(_world.Pins.Link($"inside_{Space}_{(at == TcDirection.Egress ? "egress" : "ingress")}"));
            return pinned.Info.Id;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnAgentThatStartsPutsThoseFirstThatItTakesOver(bool tcx)
    {
        int index = _world.Uplink.Index;
        using NetworkNamespace network = _world.OpenNetwork();
        using (PodPrograms before = Load(network, tcx)) Assert.True(before.Attach(out _));
        BpfProgram other = _world.Programs.FromNet;
        using BpfLink? link = PutBefore(other, TcDirection.Egress, tcx);

        using PodPrograms programs = Load(network, tcx);
        Assert.True(programs.Attach(out (Attachment Ours, string Other)? overtaken));

        Assert.Equal(tcx ? $"program {other.Id}" : "bpf filter 7", Assert.NotNull(overtaken).Other);
        Assert.True(programs.AreThere());
        Assert.Equal(other.Id, Programs(index, TcDirection.Egress, tcx)[^1]);
        programs.Detach();
    }

    private PodPrograms Load(NetworkNamespace network, bool tcx) => PodPrograms.Load(
        Path.Combine(AppContext.BaseDirectory, "bpf", "pod.bpf.o"), _world.Pins, tcx, network, new PodNamespace(Space, network.Description, network.Inode, "up0", _world.Uplink.Index, 1500, "a test"));

    // Null without TCX, where it goes with the interface.
    private BpfLink? PutBefore(BpfProgram other, TcDirection direction, bool tcx)
    {
        BpfLink? link = null;
        _world.In(() =>
        {
            if (tcx) link = BpfLink.AttachTcx(other, _world.Uplink.Index, direction);
            else TcFilter.Attach(other, _world.Uplink.Index, direction, Handle, 1);
        });
        return link;
    }

    private uint[] Programs(int index, TcDirection direction, bool tcx)
    {
        uint[] found = [];
        _world.In(() =>
        {
            using RouteNetlink netlink = RouteNetlink.Open();
            found = tcx
                ? [.. BpfLink.QueryTcx(index, direction).Select(p => p.ProgramId)]
                : [.. netlink.GetFilters(index, direction).Select(f => f.ProgramId).OfType<uint>()];
        });
        return found;
    }
}
