using Culvert.Interop.Bpf;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Bpf;

public sealed class BpfMapTests(KernelFixture kernel) : IClassFixture<KernelFixture>
{
    [Fact]
    public void EntriesAreWrittenReadAndRemoved()
    {
        Requires.Root();
        using BpfMap<uint, Pair> map = BpfMap.Create<uint, Pair>(BpfMapType.Hash, "cv_t_round", 8);
        Assert.False(map.TryGet(1, out _));
        map.Set(1, new Pair { A = 10, B = 20 });
        Assert.True(map.TryGet(1, out Pair value));
        Assert.Equal(20u, value.B);
        Assert.Equal(Errno.EEXIST, Assert.Throws<BpfException>(() => map.Set(1, value, MapUpdate.CreateOnly)).Errno);
        Assert.Equal(Errno.ENOENT, Assert.Throws<BpfException>(() => map.Set(2, value, MapUpdate.ReplaceOnly)).Errno);
        Assert.True(map.Delete(1));
        Assert.False(map.Delete(1));
    }

    [Fact]
    public void AFullMapIsNamed()
    {
        Requires.Root();
        using BpfMap<uint, uint> map = BpfMap.Create<uint, uint>(BpfMapType.Hash, "cv_t_full", 2);
        map.Set(1, 1);
        map.Set(2, 2);
        BpfException e = Assert.Throws<BpfException>(() => map.Set(3, 3));
        Assert.Equal("E2BIG", e.ErrnoName);
        Assert.Contains("cv_t_full", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongSizesAreRefusedWithBothSizes()
    {
        Requires.Root();
        using BpfMap map = BpfMap.Create(BpfMapType.Hash, "cv_t_sizes", 4, 8, 2);
        Assert.Contains("keys of 4 bytes, but UInt64 has 8", Assert.Throws<ArgumentException>(() => map.As<ulong, ulong>()).Message, StringComparison.Ordinal);
        Assert.Contains("values of 8 bytes, but UInt32 has 4", Assert.Throws<ArgumentException>(() => map.As<uint, uint>()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => map.TryGet(new byte[3], new byte[8]));
    }

    [Theory]
    [InlineData(BpfMapType.Hash)]
    [InlineData(BpfMapType.LruHash)]
    [InlineData(BpfMapType.Array)]
    public void ThousandsOfEntriesGoInAndComeOut(BpfMapType type)
    {
        Requires.Root();
        const int Count = 3000;
        using BpfMap<uint, ulong> map = BpfMap.Create<uint, ulong>(type, "cv_t_many", type == BpfMapType.Array ? (uint)Count : 4 * Count);
        uint[] keys = [.. Enumerable.Range(0, Count).Select(i => (uint)i)];
        map.SetMany(keys, [.. keys.Select(k => (ulong)k * 3)]);

        List<KeyValuePair<uint, ulong>> all = map.ToList();

        Assert.Equal(Count, all.Count);
        Assert.All(all, e => Assert.Equal(e.Key * 3UL, e.Value));
        Assert.Equal(keys, map.Keys().Order());
        if (type == BpfMapType.Array) return;
        Assert.Equal(Count - 1, map.DeleteMany([.. keys.Skip(1), 999_999]));
        Assert.Equal(0u, Assert.Single(map.ToList()).Key);
        map.Clear();
        Assert.Empty(map.ToList());
    }

    [Fact]
    public void ValuesPerCpuAreReadSeparately()
    {
        KernelFixture.Need();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        using BpfMap<uint, uint> map = bpf.GetMap<uint, uint>("cv_t_percpu");
        map.Set(0, 100);
        program.TestRun(new byte[64], repeat: 5);
        uint[] values = new uint[PossibleCpus.Count];
        Assert.True(map.TryGetPerCpu(0, values));
        Assert.Equal((100L * values.Length) + 5, values.Sum(v => v));
        Assert.Throws<InvalidOperationException>(() => map.TryGet(0, out _));

        // As bytes they are written as they are read: those of every CPU, and nothing less.
        byte[] bytes = new byte[map.ValueBytes];
        Assert.True(map.TryGet(new byte[sizeof(uint)], bytes));
        map.Set(0, 0);
        map.Set(new byte[sizeof(uint)], bytes);
        uint[] again = new uint[PossibleCpus.Count];
        Assert.True(map.TryGetPerCpu(0, again));
        Assert.Equal(values, again);
        Assert.Throws<ArgumentException>(() => map.Set(new byte[sizeof(uint)], bytes.AsSpan(0, sizeof(uint))));
    }

    [Fact]
    public void PinsAreOpenedAgainByTheirKindOnly()
    {
        KernelFixture.Need();
        string folder = kernel.NewPinFolder();
        using BpfObject bpf = kernel.Open();
        bpf.Load();
        using BpfMap map = bpf.GetMap("cv_t_hash");
        using BpfProgram program = bpf.GetProgram("cv_t_tc");
        map.Pin(Path.Combine(folder, "map"));
        program.Pin(Path.Combine(folder, "program"));

        using BpfMap<uint, Pair> sameMap = BpfMap.OpenPinned<uint, Pair>(Path.Combine(folder, "map"));
        using BpfProgram sameProgram = BpfProgram.OpenPinned(Path.Combine(folder, "program"));

        Assert.Equal(map.Info.Id, sameMap.Info.Id);
        Assert.Equal(program.Id, sameProgram.Id);
        Assert.Equal(Errno.EEXIST, Assert.Throws<BpfException>(() => map.Pin(Path.Combine(folder, "map"))).Errno);
        Assert.Contains("it is a bpf-prog", Assert.Throws<BpfException>(() => BpfMap.OpenPinned(Path.Combine(folder, "program"))).Message, StringComparison.Ordinal);
        Assert.Equal(Errno.ENOENT, Assert.Throws<BpfException>(() => BpfMap.OpenPinned(Path.Combine(folder, "nothing"))).Errno);
        Assert.Equal(2, BpfFs.UnpinTree(folder));
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public void UnpinRefusesOtherFileSystems()
    {
        string folder = Directory.CreateTempSubdirectory("cv-nopin-").FullName;
        Assert.Throws<ArgumentException>(() => BpfFs.UnpinTree(folder));
        Assert.True(Directory.Exists(folder));
        Directory.Delete(folder);
    }
}
