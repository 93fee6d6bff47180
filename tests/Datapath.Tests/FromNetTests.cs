using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Packets arriving at the node.</summary>
public sealed class FromNetTests : IClassFixture<World>
{
    private readonly World _world;

    public FromNetTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    private Outcome Run(Packet packet) => _world.Run(Hook.FromNet, packet, _world.C.Index);

    private static Packet Syn(bool v6, IPEndPoint to) => Packet.OfTcp(new(World.Outside(v6), 50000), to, TcpFlags.Syn);

    [Theory, InlineData(false), InlineData(true)]
    public void What_is_not_for_a_workload_here_is_left_alone(bool v6)
    {
        foreach (IPAddress to in (IPAddress[])[World.Node(v6), World.Remote(v6), World.Vip(v6), World.Outside(v6)])
        {
            Assert.Equal(0u, Run(Syn(v6, new(to, 15008))).Passed().Mark);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Plain_packets_for_a_workload_here_go_on_to_be_judged_there(bool v6)
    {
        Assert.Equal(0u, Run(Syn(v6, _world.A.At(v6, 80))).Passed().Mark);
        Run(Packet.OfUdp(new(World.Outside(v6), 1), _world.A.At(v6, 15008))).Passed();
        Run(Packet.OfIcmp(World.Outside(v6), _world.A.Address(v6), v6 ? (byte)128 : (byte)8)).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_tunnel_without_a_listener_is_dropped_silently(bool v6)
    {
        Run(Syn(v6, _world.A.At(v6, 15008))).Dropped(CvReason.ProxyDown);
        Run(Syn(v6, _world.A.At(v6, 15008)) with { Flags = TcpFlags.Ack }).Dropped(CvReason.ProxyDown);
        Run(Syn(v6, _world.A.At(v6, 15008)) with { Flags = TcpFlags.Rst }).Dropped(CvReason.NotAConnection);
        Run(Syn(v6, _world.A.At(v6, 15008)) with { Flags = TcpFlags.Syn | TcpFlags.Ack }).Dropped(CvReason.NotAConnection);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_cannot_be_read_is_the_kernels_to_judge(bool v6) =>
        _world.Run(Hook.FromNet, Syn(v6, _world.A.At(v6, 15008)).Build()[..(v6 ? 60 : 40)], _world.C.Index).Passed();
}
