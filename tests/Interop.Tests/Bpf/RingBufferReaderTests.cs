using System.Runtime.InteropServices;
using Culvert.Interop.Bpf;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Bpf;

public sealed class RingBufferReaderTests(KernelFixture kernel) : IClassFixture<KernelFixture>
{
    [Fact]
    public void RecordsArriveInOrder()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        using BpfMap map = bpf.GetMap("cv_t_ring");
        List<ulong> seen = [];
        using RingBufferReader reader = new(map, record => seen.Add(MemoryMarshal.Read<ulong>(record)));
        for (uint mark = 1; mark <= 3; mark++)
        {
            SkBuffContext context = new() { Mark = mark };
            program.TestRun(new byte[64], ref context);
        }
        Assert.True(reader.EpollDescriptor > 0);
        Assert.Equal(3, reader.Poll(TimeSpan.FromSeconds(5)));
        Assert.Equal([1UL, 2UL, 3UL], seen);
        Assert.Equal(0, reader.Consume());
        Assert.Equal(0, reader.Poll(TimeSpan.Zero));
    }

    [Fact]
    public void AnExceptionOfTheCallbackComesOutAndReadingGoesOn()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        using BpfMap map = bpf.GetMap("cv_t_ring");
        bool fail = true;
        int seen = 0;
        using RingBufferReader reader = new(map, _ =>
        {
            if (fail) throw new InvalidDataException("bad record");
            seen++;
        });
        program.TestRun(new byte[64], repeat: 2);
        Assert.Equal("bad record", Assert.Throws<InvalidDataException>(() => reader.Poll(TimeSpan.FromSeconds(5))).Message);
        fail = false;
        program.TestRun(new byte[64]);
        Assert.Equal(2, reader.Consume());
        Assert.Equal(2, seen);
    }

    [Fact]
    public void AnotherKindOfMapIsRefused()
    {
        Requires.Root();
        using BpfMap map = BpfMap.Create(BpfMapType.Hash, "cv_t_noring", 4, 4, 4);
        BpfException e = Assert.Throws<BpfException>(() => new RingBufferReader(map, _ => { }));
        Assert.Contains("cv_t_noring", e.Message, StringComparison.Ordinal);
    }
}
