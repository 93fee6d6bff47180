using System.Diagnostics;
using System.Globalization;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Fuzz;

/// <summary>
/// Random packets in random orders through the programs, in random worlds that change meanwhile: whatever came, the flow table allows nothing that the
/// world denies, and no datagram is led to another backend than one may be. CULVERT_FUZZ_SECONDS says for how long (10), CULVERT_FUZZ_SEED with what; a failure names its seed.
/// </summary>
[Trait("Category", "Attack")]
public sealed class DatapathFuzzTests(World world) : IClassFixture<World>
{
    private const int PacketsPerWorld = 100, WorldsPerRound = 20, PacketsPerLook = 10;

    [Fact]
    public void Attack_no_order_of_packets_and_tables_makes_an_entry_that_the_model_denies() =>
        Fuzz(random => before => MeshModel.Next(world, random, before));

    [Fact]
    public void Attack_no_order_of_packets_and_snapshots_makes_an_entry_that_the_oracle_denies() =>
        Fuzz(random => OracleWorld.Maker(world, random));

    private void Fuzz(Func<Random, Func<IFuzzWorld?, IFuzzWorld>> maker)
    {
        TimeSpan limit = TimeSpan.FromSeconds(Setting("CULVERT_FUZZ_SECONDS") ?? 10);
        int seed = Setting("CULVERT_FUZZ_SEED") ?? Random.Shared.Next();
        long start = Stopwatch.GetTimestamp(), packets = 0, rounds = 0, entries = 0, draws = 0;
        do
        {
            (int sent, int seen, int drawn) = Round(seed, maker);
            packets += sent;
            entries += seen;
            draws += drawn;
            rounds++;
            seed++;
        }
        while (Stopwatch.GetElapsedTime(start) < limit);
        TestContext.Current.TestOutputHelper?.WriteLine($"{packets:N0} packets in {rounds * WorldsPerRound:N0} worlds; {entries:N0} times an entry was looked at, {draws:N0} times a backend that was drawn");
        Assert.True(entries > packets / PacketsPerLook, "hardly any packet made a flow: the generator no longer tests anything");
        Assert.True(draws > packets / 100 || rounds < 10, $"{draws} draws: the generator no longer tests those");
    }

    private (int Packets, int Entries, int Draws) Round(int seed, Func<Random, Func<IFuzzWorld?, IFuzzWorld>> maker)
    {
        Random random = new(seed);
        world.Reset();
        world.Maps.Clear();
        PacketSource source = new(world, random);
        Func<IFuzzWorld?, IFuzzWorld> next = maker(random);
        IFuzzWorld? fuzzed = null;
        int sent = 0, seen = 0, drawn = 0;
        for (int w = 0; w < WorldsPerRound; w++)
        {
            fuzzed = next(fuzzed);
            for (int i = 0; i < PacketsPerWorld; i++, sent++)
            {
                PacketSource.Sent packet = source.Next(fuzzed);
                world.Send(packet.Hook, packet.Bytes, packet.Interface, packet.Ingress);
                if (i % PacketsPerLook != PacketsPerLook - 1) continue; // reading the table costs more than many packets, and what is wrong stays
                Dictionary<CvFlowKey, CvFlow> flows = world.Maps.Flows.ToList().ToDictionary(f => f.Key, f => f.Value);
                Dictionary<CvFlowKey, CvSession> sessions = world.Maps.Sessions.ToList().ToDictionary(s => s.Key, s => s.Value);
                seen += flows.Count;
                drawn += sessions.Values.Count(s => ((CvSessionFlag)s.Flags).HasFlag(CvSessionFlag.Drawn));
                if ((FlowInvariants.FindViolation(fuzzed, flows) ?? SessionInvariants.FindViolation(fuzzed, sessions)) is { } wrong)
                {
                    Assert.Fail($"CULVERT_FUZZ_SEED={seed}, world {w}, within {PacketsPerLook} packets up to number {i} ({packet}): {wrong}\n{fuzzed}");
                }
            }
        }
        return (sent, seen, drawn);
    }

    private static int? Setting(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
}
