using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Tests.Proxy;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>How the program at the socket lookup outlives its agent, is taken over and leaves. Needs root.</summary>
public sealed class SocketLookupTests
{
    public SocketLookupTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");

    [Fact]
    public void ItStaysAndIsReplacedInPlaceUntilItIsDetached()
    {
        using AttachFixture world = new();
        uint link = 0, before = 0, mapId = 0;
        for (int run = 0; run < 2; run++)
        {
            using DatapathPrograms programs = DatapathPrograms.Load(world.Options, world.Pins, NullLogger.Instance);
            using SocketLookup lookup = Attach(world, programs);
            BpfLinkInfo info = lookup.Link.Info;
            Assert.Equal((BpfLinkInfo.NetworkNamespaceType, programs.SkLookup.Id), (info.Type, info.ProgramId));
            Assert.NotEqual(before, info.ProgramId);
            Assert.Equal(run > 0, info.Id == link);
            using BpfMap map = BpfMap.OpenPinned(world.Pins.Map("cv_lookup_kind")); // what the programs at interfaces leave for it must be found by the next one
            Assert.Equal(run > 0, map.Info.Id == mapId);
            (link, before, mapId) = (info.Id, info.ProgramId, map.Info.Id);
        }
        using (ProgramAttacher attacher = new(world.Pins, tcx: true, NullLogger.Instance)) attacher.KeepOnly(new HashSet<(string, TcDirection)>());
        using SocketLookup last = Attach(world, world.Programs);
        Assert.Equal(link, last.Link.Info.Id);
        last.Detach();
        Assert.Equal(0u, last.Link.Info.NetworkNamespaceInode);
        Assert.Empty(Directory.GetFiles(world.Pins.Links));
    }

    [Fact]
    public async Task OneOfAnotherNamespaceIsNotTakenOver()
    {
        using AttachFixture world = new(), other = new();
        uint link = 0;
        using (SocketLookup foreign = Attach(other, world.Programs, world.Pins)) link = foreign.Link.Info.Id;
        using SocketLookup lookup = Attach(world, world.Programs);
        Assert.NotEqual(link, lookup.Link.Info.Id);
        world.In(() =>
        {
            using NetworkNamespace here = NetworkNamespace.Current();
            Assert.Equal(here.Inode, lookup.Link.Info.NetworkNamespaceInode);
        });
        await SocketExtensions.EventuallyAsync(() => !BpfLink.ListIds().Contains(link)); // the kernel lets go of a link in a worker of its own
        lookup.Detach();
    }

    private static SocketLookup Attach(AttachFixture place, DatapathPrograms programs, PinFolder? pins = null)
    {
        SocketLookup? lookup = null;
        place.In(() => lookup = SocketLookup.Attach(programs.SkLookup, pins ?? place.Pins));
        return lookup!;
    }
}
