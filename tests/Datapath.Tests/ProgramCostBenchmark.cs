using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>What a program costs for one packet of an established flow. Run by name.</summary>
public sealed class ProgramCostBenchmark(World world, ITestOutputHelper output) : IClassFixture<World>
{
    [Theory(Explicit = true), InlineData(false), InlineData(true)]
    public void Of_one_packet(bool v6)
    {
        world.Reset();
        Packet syn = Packet.OfTcp(world.A.At(v6, 40000), world.B.At(v6, 80), TcpFlags.Syn);
        world.FromPod(world.A, syn).Redirected(world.B);
        Packet proxied = syn with { Destination = World.Remote(v6), Flags = TcpFlags.Ack };
        Packet external = Packet.OfTcp(new(World.External(v6), 1), new(World.Node(v6), 2), TcpFlags.Ack);
        output.WriteLine($"{(v6 ? "IPv6" : "IPv4")}: direct {world.Cost(Hook.FromPod, syn with { Flags = TcpFlags.Ack }, world.A)} ns, "
            + $"unknown flow, refused {world.Cost(Hook.FromPod, proxied, world.A)} ns, not ours at the uplink {world.Cost(Hook.FromNet, external, world.A)} ns");
        Assert.True(world.Maps.Counter(CvCounter.DirectPackets) > 1000);
    }
}
