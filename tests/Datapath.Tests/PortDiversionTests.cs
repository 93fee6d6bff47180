using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>A port that needs the proxy does not take the pod's other ports there.</summary>
public sealed class PortDiversionTests : IClassFixture<World>
{
    private const int Diverted = WorldContent.HeaderPort, Other = 7000, Veth = 99;
    private readonly World _world;

    public PortDiversionTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => new() { { false, Packet.Tcp }, { true, Packet.Tcp }, { false, Packet.Udp }, { true, Packet.Udp } };

    private static Packet First(byte protocol, IPEndPoint from, IPEndPoint to) => protocol == Packet.Tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to);

    [Theory, MemberData(nameof(Families))]
    public void A_pod_here_reaches_the_other_ports_by_the_kernel(bool v6, byte protocol)
    {
        _world.FromPod(_world.A, First(protocol, _world.A.At(v6, 40000), _world.C.At(v6, Diverted))).Dropped(CvReason.ProxyDown);
        _world.FromPod(_world.A, First(protocol, _world.A.At(v6, 40000), _world.C.At(v6, Other))).Redirected(_world.C);
    }

    [Theory, MemberData(nameof(Families))]
    public void External_clients_reach_the_other_ports_as_if_there_were_no_proxy(bool v6, byte protocol)
    {
        IPEndPoint external = new(World.External(v6), 40000);
        Packet diverted = First(protocol, external, _world.C.At(v6, Diverted)), other = First(protocol, external, _world.C.At(v6, Other));
        _world.Run(Hook.FromNet, diverted, _world.C.Index).Dropped(CvReason.ProxyDown);
        _world.Run(Hook.FromNet, other, _world.C.Index).Passed();
        _world.ToPod(_world.C, diverted, Veth).Dropped(CvReason.ProxyRequired);
        _world.ToPod(_world.C, other, Veth).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_the_pod_asks_from_other_ports_goes_straight_to_a_pod_here(bool v6)
    {
        _world.FromPod(_world.C, Packet.OfUdp(_world.C.At(v6, Diverted), _world.A.At(v6, Other))).Dropped(CvReason.ProxyDown);
        _world.FromPod(_world.C, Packet.OfUdp(_world.C.At(v6, Other), _world.A.At(v6, Other))).Redirected(_world.A);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_session_by_the_kernel_moves_when_its_port_comes_behind_the_proxy_and_the_others_stay(bool v6)
    {
        Packet moved = Packet.OfUdp(_world.A.At(v6, 40000), _world.B.At(v6, Diverted)), stays = Packet.OfUdp(_world.A.At(v6, 40000), _world.B.At(v6, Other));
        _world.FromPod(_world.A, moved).Redirected(_world.B);
        _world.FromPod(_world.A, stays).Redirected(_world.B);
        WorldContent.Fill(_world, World.Generation + 1);
        _world.SetPod(World.Generation + 1, _world.B, CvAddressFlag.Proxy);
        _world.Maps.Activate(World.Generation + 1);
        _world.FromPod(_world.A, moved).Dropped(CvReason.ProxyDown);
        _world.FromPod(_world.A, stays).Redirected(_world.B);
    }
}
