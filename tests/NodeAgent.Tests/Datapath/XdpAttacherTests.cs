using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Tests.Proxy;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>How programs come to interfaces, stay over restarts and leave. Needs root.</summary>
public sealed class XdpAttacherTests
{
    private static readonly HashSet<string> None = [];
    private static readonly HashSet<(string, TcDirection)> NoPrograms = [];

    public XdpAttacherTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");

    [Theory, InlineData(1500, "xdp native", "cv_xdp", " xdp "), InlineData(9000, "xdp generic", "cv_xdp_generic", " xdpgeneric ")]
    public void ItRunsInTheDriverWhereItCanAndStaysUntilItIsDetached(int mtu, string hook, string program, string shown)
    {
        using AttachFixture world = new(mtu);
        uint link = 0, before = 0;
        for (int run = 0; run < 2; run++)
        {
            using XdpAttacher attacher = world.NewAttacher();
            world.In(() => attacher.Attach(world.Uplink));
            world.In(() => attacher.Attach(world.Uplink));
            Attachment attachment = Assert.Single(attacher.List());
            Assert.Equal((hook, program, "up0"), (attachment.Hook, attachment.Program, attachment.Interface));
            BpfLinkInfo info = attachment.Link!.Info;
            Assert.Equal((world.Uplink.Index, attachment.ProgramId), (info.InterfaceIndex, info.ProgramId));
            Assert.Equal(run > 0, info.Id == link); // the same link, with the new agent's program
            Assert.NotEqual(before, info.ProgramId);
            (link, before) = (info.Id, info.ProgramId);
        }
        Assert.Contains(shown, world.Ip("link show up0"), StringComparison.Ordinal);
        using XdpAttacher last = world.NewAttacher();
        last.KeepOnly(None);
        Assert.DoesNotContain("xdp", world.Ip("link show up0"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(world.Pins.Links));
    }

    [Fact]
    public void AnInterfaceThatIsMadeAnewGetsAnotherLink()
    {
        using AttachFixture world = new();
        using XdpAttacher attacher = world.NewAttacher();
        world.In(() => attacher.Attach(world.Uplink));
        world.Ip("link del up0");
        world.Ip("link add up0 index 77 type veth peer name far0");
        LinkState again = world.Uplink with { Index = 77 };
        world.In(() => attacher.Attach(again));
        Assert.Equal(77, Assert.Single(attacher.List()).Link!.Info.InterfaceIndex);
        attacher.KeepOnly(None);
        Assert.Empty(attacher.List());
    }

    [Fact]
    public async Task WhereAnothersProgramIsOrNoneCanBeLoadedThereIsNone()
    {
        using AttachFixture world = new();
        using XdpPrograms others = XdpPrograms.Load(AttachFixture.XdpObject, world.Pins);

        uint? XdpAtUplink()
        {
            uint? found = null;
            world.In(() =>
            {
                using RouteNetlink netlink = RouteNetlink.Open();
                found = netlink.GetLinks().Single(l => l.Index == world.Uplink.Index).XdpProgramId;
            });
            return found;
        }

        using (XdpAttacher attacher = world.NewAttacher())
        {
            BpfLink? taken = null;
            world.In(() => taken = BpfLink.AttachXdp(others.Native, world.Uplink.Index));
            world.In(() => attacher.Attach(world.Uplink));
            Assert.Empty(attacher.List());
            Assert.Equal(others.Native.Id, XdpAtUplink());
            taken!.Dispose();
            await SocketExtensions.EventuallyAsync(() => XdpAtUplink() is null); // a process that another test starts just now has a copy of the link until it runs its program
        }
        using XdpAttacher broken = world.NewAttacher(Path.Combine(world.Folder, "absent.o"));
        world.In(() => broken.Attach(world.Uplink));
        Assert.Empty(broken.List());
        Assert.Empty(Directory.GetFiles(world.Pins.Links));
    }

    [Fact]
    public void LinksOfAnotherVersionAreTakenOverWithoutAGap()
    {
        using AttachFixture world = new();
        string old = Path.Combine(world.Folder, "v1"), links = Path.Combine(old, "links"), maps = Path.Combine(old, "maps");
        Directory.CreateDirectory(links);
        Directory.CreateDirectory(maps);
        uint id = 0;
        world.In(() =>
        {
            using BpfLink link = BpfLink.AttachTcx(world.Programs.FromNet, world.Uplink.Index, TcDirection.Ingress);
            link.Pin(Path.Combine(links, "up0_in"));
            id = link.Info.Id;
        });
        world.Programs.Maps.Flow.Pin(Path.Combine(maps, "cv_flow"));
        Assert.Equal([(old, 1)], world.Pins.TakeOverOtherVersions());
        Assert.False(Directory.Exists(old));
        using DatapathPrograms next = DatapathPrograms.Load(world.Options, world.Pins, NullLogger.Instance);
        using ProgramAttacher attacher = new(world.Pins, tcx: true, NullLogger.Instance);
        world.In(() => attacher.Attach(next.FromNet, "up0", world.Uplink.Index, TcDirection.Ingress));
        Assert.Equal((id, next.FromNet.Id), (Assert.Single(attacher.List()).Link!.Info.Id, attacher.List()[0].ProgramId));
        world.In(() => Assert.Single(BpfLink.QueryTcx(world.Uplink.Index, TcDirection.Ingress)));
        Assert.Empty(world.Pins.TakeOverOtherVersions());
        attacher.KeepOnly(NoPrograms);
    }
}
