using Culvert.Interop.Bpf;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Bpf;

public sealed class BpfObjectTests(KernelFixture kernel) : IClassFixture<KernelFixture>
{
    private static readonly byte[] Packet = new byte[64];

    [Fact]
    public void ConfigurationIsSeenByTheProgramAndTheRunReportsEverything()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        bpf.SetConfig("cfg_verdict", 2u).SetConfig("cfg_flag", (byte)1).SetConfig("cfg_pair", new Pair { A = 41 }).Load();
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        SkBuffContext context = new() { Mark = 7 };
        byte[] output = new byte[128];

        BpfTestRunResult run = program.TestRun(Packet, ref context, output);

        Assert.Equal(2u, run.ReturnValue);
        Assert.Equal(Packet.Length, run.OutputLength);
        Assert.Equal(8u, context.Mark);
        using BpfMap<uint, Pair> hash = bpf.GetMap<uint, Pair>("cv_t_hash");
        Assert.True(hash.TryGet(0, out Pair value));
        Assert.Equal(42u, value.A);
        Assert.Equal(64u, value.B);
    }

    [Fact]
    public void NamesAndIdsAreThoseTheKernelShows()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        Assert.Contains("cv_t_hash", bpf.MapNames);
        Assert.Contains("cv_t_tc", bpf.ProgramNames);
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        using BpfProgram again = BpfProgram.FromId(program.Id);
        Assert.Equal("cv_t_tc", again.Name);
        using BpfMap map = bpf.GetMap("cv_t_hash");
        using BpfMap sameMap = BpfMap.FromId(map.Info.Id);
        Assert.Equal(new BpfMapInfo(map.Info.Id, "cv_t_hash", BpfMapType.Hash, 4, 8, 1024, 0), sameMap.Info);
    }

    [Fact]
    public void AnUnknownVariableAndAWrongSizeAreRefusedByName()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        Assert.Contains("cfg_flag, cfg_pair, cfg_verdict", Assert.Throws<ArgumentException>(() => bpf.SetConfig("cfg_nothing", 1)).Message, StringComparison.Ordinal);
        Assert.Contains("has 4 bytes, got 8", Assert.Throws<ArgumentException>(() => bpf.SetConfig("cfg_verdict", 1L)).Message, StringComparison.Ordinal);
        Assert.True(bpf.HasConfig("cfg_flag"));
        Assert.False(bpf.HasConfig("cfg_nothing"));
    }

    [Fact]
    public void ARefusedProgramBringsTheVerifiersWords()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        bpf.SetAutoload("cv_t_bad", true);
        BpfException e = Assert.Throws<BpfException>(bpf.Load);
        Assert.Contains("cv_t_bad", e.Message, StringComparison.Ordinal);
        Assert.Contains("invalid access to packet", e.Log, StringComparison.Ordinal);
        Assert.Equal("EACCES", e.ErrnoName);
    }

    [Fact]
    public void MapsAreResizedBeforeLoadAndReusedFromPins()
    {
        KernelFixture.Need();
        string pin = Path.Combine(kernel.NewPinFolder(), "hash");
        using (BpfObject first = kernel.Open())
        {
            first.SetMaxEntries("cv_t_hash", 77).Load();
            using BpfMap<uint, Pair> map = first.GetMap<uint, Pair>("cv_t_hash");
            Assert.Equal(77u, map.Info.MaxEntries);
            map.Set(5, new Pair { A = 1, B = 2 });
            map.Pin(pin);
        }
        using BpfObject second = kernel.Open();
        second.SetMaxEntries("cv_t_hash", 77).ReuseMap("cv_t_hash", pin).Load();
        using BpfMap<uint, Pair> reused = second.GetMap<uint, Pair>("cv_t_hash");
        Assert.True(reused.TryGet(5, out Pair value));
        Assert.Equal(2u, value.B);
    }

    [Fact]
    public void AFileThatIsNoObjectIsRefused()
    {
        Assert.Equal(Errno.ENOENT, Assert.Throws<BpfException>(() => BpfObject.OpenFile("/nonexistent/x.bpf.o")).Errno);
        BpfException e = Assert.Throws<BpfException>(() => BpfObject.Open("not an ELF file"u8, "junk"));
        Assert.Contains("'junk'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownProgramOrMapIsNamedWithWhatThereIs()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        Assert.Contains("cv_t_tc2", Assert.Throws<BpfException>(() => bpf.GetProgram("nothing")).Message, StringComparison.Ordinal);
        Assert.Contains("cv_t_ring", Assert.Throws<BpfException>(() => bpf.GetMap("nothing")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATooSmallOutputIsSaidToBeTooSmall()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        Assert.Equal(Errno.ENOSPC, Assert.Throws<BpfException>(() => program.TestRun(Packet, new byte[8])).Errno);
    }
}
