using Culvert.Interop.Bpf;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Bpf;

public sealed class AttachTests(KernelFixture kernel) : IClassFixture<KernelFixture>
{
    private const int Loopback = 1;

    [Theory]
    [InlineData(TcDirection.Ingress)]
    [InlineData(TcDirection.Egress)]
    public void ATcxLinkIsAttachedUpdatedPinnedAdoptedAndDetached(TcDirection direction)
    {
        KernelFixture.Need();
        if (!KernelFeatures.ProbeTcx().Present) Requires.Missing("needs TCX (kernel 6.6)");
        using NetworkNamespace.Scope inside = kernel.Network.Enter();
        string pin = Path.Combine(kernel.NewPinFolder(), "link");
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram first = bpf.GetProgram("cv_t_tc");
        using BpfProgram second = bpf.GetProgram("cv_t_tc2");
        uint id;
        using (BpfLink link = BpfLink.AttachTcx(first, Loopback, direction))
        {
            id = link.Info.Id;
            Assert.Equal(new BpfLinkInfo(id, first.Id, BpfLinkInfo.TcxType, Loopback, direction), link.Info);
            link.Update(second);
            Assert.Equal(second.Id, link.Info.ProgramId);
            link.Pin(pin);
        }
        Assert.Equal([new TcxAttachment(second.Id, id)], BpfLink.QueryTcx(Loopback, direction));
        using (BpfLink adopted = BpfLink.OpenPinned(pin))
        {
            Assert.Equal(id, adopted.Info.Id);
            adopted.Detach();
            Assert.Empty(BpfLink.QueryTcx(Loopback, direction));
            Assert.Equal(0, adopted.Info.InterfaceIndex);
            Assert.Equal("ENOLINK", Assert.Throws<BpfException>(() => adopted.Update(first)).ErrnoName);
        }
    }

    [Fact]
    public void AnUnpinnedLinkEndsWhenDisposed()
    {
        KernelFixture.Need();
        if (!KernelFeatures.ProbeTcx().Present) Requires.Missing("needs TCX (kernel 6.6)");
        using NetworkNamespace.Scope inside = kernel.Network.Enter();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        BpfLink.AttachTcx(program, Loopback, TcDirection.Ingress).Dispose();

        // A program that another test starts has all descriptors of this process, until it is executed.
        Assert.True(SpinWait.SpinUntil(() => BpfLink.QueryTcx(Loopback, TcDirection.Ingress).Count == 0, TimeSpan.FromSeconds(10)), "the link is there");
    }

    [Fact]
    public void AttachingToAMissingInterfaceNamesProgramAndInterface()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        BpfException e = Assert.Throws<BpfException>(() => BpfLink.AttachTcx(program, 1_000_000, TcDirection.Ingress));
        Assert.Contains("'cv_t_tc'", e.Message, StringComparison.Ordinal);
        Assert.Contains("interface 1000000", e.Message, StringComparison.Ordinal);
        Assert.Equal("ENODEV", e.ErrnoName);
    }

    [Theory]
    [InlineData(TcDirection.Ingress)]
    [InlineData(TcDirection.Egress)]
    public void AClsactFilterIsAttachedReplacedQueriedAndDetached(TcDirection direction)
    {
        KernelFixture.Need();
        using NetworkNamespace.Scope inside = kernel.Network.Enter();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram first = bpf.GetProgram("cv_t_tc");
        using BpfProgram second = bpf.GetProgram("cv_t_tc2");
        Assert.Null(TcFilter.Query(Loopback, direction));
        TcFilter.Attach(first, Loopback, direction);
        Assert.Equal(first.Id, TcFilter.Query(Loopback, direction));
        TcFilter.Attach(second, Loopback, direction);
        Assert.Equal(second.Id, TcFilter.Query(Loopback, direction));
        Assert.True(TcFilter.Detach(Loopback, direction));
        Assert.False(TcFilter.Detach(Loopback, direction));
        Assert.Null(TcFilter.Query(Loopback, direction));
        TcFilter.RemoveQdisc(Loopback);
        TcFilter.RemoveQdisc(Loopback);
    }

    [Fact]
    public void AnXdpLinkIsAttached()
    {
        KernelFixture.Need();
        using NetworkNamespace.Scope inside = kernel.Network.Enter();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram program = bpf.GetProgram("cv_t_xdp");
        using BpfLink link = BpfLink.AttachXdp(program, Loopback, XdpMode.Generic);
        Assert.Equal(new BpfLinkInfo(link.Info.Id, program.Id, BpfLinkInfo.XdpType, Loopback, null), link.Info);
        Assert.Contains(link.Info.Id, BpfLink.ListIds());
        using BpfLink again = BpfLink.FromId(link.Info.Id);
        Assert.Equal(program.Id, again.Info.ProgramId);
    }
}
