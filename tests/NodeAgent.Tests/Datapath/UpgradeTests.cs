using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Datapath;

/// <summary>An agent that finds the pinned maps of another build with the same layout. Needs root.</summary>
public sealed class UpgradeTests
{
    private const uint OldReasons = 12, OldCounters = 5; // fewer than there are now

    public UpgradeTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for BPF");

    [Fact]
    public void CountersOfABuildWithFewerNumbersGrowAndKeepTheirCountsAndFlowsStay()
    {
        using AttachFixture world = new();
        Replace(world, "cv_drops", OldReasons, key => 100UL + key);
        Replace(world, "cv_counters", OldCounters, key => 200UL + key);
        uint flows = Pinned(world, "cv_flow").Id;

        using DatapathPrograms next = DatapathPrograms.Load(world.Options, world.Pins, NullLogger.Instance);

        Assert.Equal((CvAbi.MaxReasons, CvAbi.MaxCounters), (next.Maps.Drops.Info.MaxEntries, next.Maps.Counters.Info.MaxEntries));
        Assert.Equal((next.Maps.Drops.Info.Id, next.Maps.Counters.Info.Id), (Pinned(world, "cv_drops").Id, Pinned(world, "cv_counters").Id));
        for (uint key = 0; key < OldReasons; key++) Assert.Equal((100UL + key) * (ulong)PossibleCpus.Count, Sum(next.Maps.Drops, key));
        for (uint key = 0; key < OldCounters; key++) Assert.Equal((200UL + key) * (ulong)PossibleCpus.Count, Sum(next.Maps.Counters, key));
        Assert.Equal(0UL, Sum(next.Maps.Drops, OldReasons));
        Assert.Equal(flows, next.Maps.Flow.Info.Id);

        // The last number counts too, and is told of.
        next.Maps.Drops.Set((uint)CvReason.Max - 1, 7);
        Assert.Contains(KernelMetrics.Drops(next.Maps), d => d.Count == 7UL * (ulong)PossibleCpus.Count);
    }

    [Fact]
    public void CountersWithMoreRoomThanNeededAreUsedAsTheyAre()
    {
        using AttachFixture world = new();
        Replace(world, "cv_drops", CvAbi.MaxReasons * 2, key => key);
        uint drops = Pinned(world, "cv_drops").Id, counters = Pinned(world, "cv_counters").Id;
        using DatapathPrograms next = DatapathPrograms.Load(world.Options, world.Pins, NullLogger.Instance);
        Assert.Equal((drops, counters), (next.Maps.Drops.Info.Id, next.Maps.Counters.Info.Id));
    }

    [Fact]
    public void AMapThatThisBuildHasNoLongerLosesItsPin()
    {
        using AttachFixture world = new();
        using (BpfMap gone = BpfMap.Create(BpfMapType.Hash, "cv_gone", 4, 8, 4)) gone.Pin(world.Pins.Map("cv_gone"));
        string[] others = [.. Directory.GetFiles(world.Pins.Maps).Where(p => Path.GetFileName(p) != "cv_gone").Order(StringComparer.Ordinal)];
        using DatapathPrograms next = DatapathPrograms.Load(world.Options, world.Pins, NullLogger.Instance);
        Assert.Equal(others, Directory.GetFiles(world.Pins.Maps).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void AMapThatHadAnotherNameGoesOnUnderTheNewOne()
    {
        const string Former = "cv_recycle", Name = "cv_lookup_kind";
        using AttachFixture world = new();
        BpfMapInfo shape = Pinned(world, Name);
        uint id;
        using (BpfMap map = BpfMap.Create(shape.Type, Former, shape.KeySize, shape.ValueSize, shape.MaxEntries))
        {
            File.Delete(world.Pins.Map(Name));
            map.Pin(world.Pins.Map(Former));
            id = map.Info.Id;
        }

        // The map keeps its name in the kernel, so that the start after the next finds another name than its pin's.
        for (int start = 0; start < 2; start++)
        {
            using DatapathPrograms next = DatapathPrograms.Load(world.Options, world.Pins, NullLogger.Instance);
            using XdpPrograms xdp = XdpPrograms.Load(AttachFixture.XdpObject, world.Pins);
            Assert.Equal(id, Pinned(world, Name).Id);
            Assert.False(File.Exists(world.Pins.Map(Former)));
        }
    }

    // A map as another build has pinned it, the same count on every CPU.
    private static void Replace(AttachFixture world, string name, uint size, Func<uint, ulong> value)
    {
        using BpfMap<uint, ulong> map = BpfMap.Create<uint, ulong>(BpfMapType.PerCpuArray, name, size);
        for (uint key = 0; key < size; key++) map.Set(key, value(key));
        File.Delete(world.Pins.Map(name));
        map.Pin(world.Pins.Map(name));
    }

    private static BpfMapInfo Pinned(AttachFixture world, string name)
    {
        using BpfMap map = BpfMap.OpenPinned(world.Pins.Map(name));
        return map.Info;
    }

    private static ulong Sum(BpfMap<uint, ulong> map, uint key)
    {
        ulong[] values = new ulong[PossibleCpus.Count];
        Assert.True(map.TryGetPerCpu(key, values));
        return values.Aggregate(0UL, (sum, v) => sum + v);
    }
}
