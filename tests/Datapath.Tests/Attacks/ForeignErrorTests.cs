using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Attacks;

/// <summary>ICMP errors and fragments by which somebody meddles with flows that are not theirs, and echoes that policy refuses.</summary>
[Trait("Category", "Attack")]
public sealed class ForeignErrorTests : IClassFixture<World>
{
    private const uint Uplink = 99;
    private readonly World _world;

    public ForeignErrorTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private static Packet Of(byte protocol, IPEndPoint from, IPEndPoint to) =>
        protocol == Packet.Tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to);

    [Theory, MemberData(nameof(Families))]
    public void Attack_a_pod_cannot_report_errors_about_anothers_packets(bool v6, byte protocol)
    {
        byte[] others = Of(protocol, _world.B.At(v6, 40000), new(World.External(v6), 443)).Build();
        _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), _world.B.Address(v6), others)).Dropped(CvReason.ForeignError);
        byte[] mine = Of(protocol, new(World.External(v6), 50000), _world.A.At(v6, 80)).Build();
        _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), _world.B.Address(v6), mine)).Dropped(CvReason.ForeignError);
        _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), World.External(v6), mine)).Passed();
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_an_error_for_a_pod_about_anothers_packet_is_refused(bool v6, byte protocol)
    {
        Packet question = Of(protocol, _world.B.At(v6, 40000), new(World.External(v6), 443));
        _world.FromPod(_world.B, question).Passed();
        _world.ToPod(_world.A, Packet.OfIcmpError(World.External(v6), _world.A.Address(v6), question.Build()), Uplink).Dropped(CvReason.ForeignError);
        _world.ToPod(_world.B, Packet.OfIcmpError(World.External(v6), _world.B.Address(v6), question.Build()), Uplink).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_echo_requests_are_refused_where_configuration_says_so(bool v6)
    {
        Packet echo = Packet.OfIcmp(World.External(v6), _world.A.Address(v6), v6 ? (byte)128 : (byte)8);
        _world.ToPod(_world.A, echo, Uplink).Passed();
        _world.SetPod(World.Generation, _world.A, endpoint: CvEndpointFlag.NoEcho);
        _world.ToPod(_world.A, echo, Uplink).Dropped(CvReason.IcmpEcho);
        _world.ToPod(_world.A, echo with { Source = _world.B.Address(v6) }, _world.B.Index).Dropped(CvReason.IcmpEcho);
        _world.ToPod(_world.A, echo with { Source = World.Node(v6) }).Passed();
        _world.ToPod(_world.A, echo with { IcmpType = v6 ? (byte)129 : (byte)0 }, Uplink).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_a_first_fragment_by_one_interface_lends_no_ports_to_those_by_another(bool v6)
    {
        Packet first = Packet.OfUdp(new(World.External(v6), 50000), _world.A.At(v6, 80), 64) with { FragmentId = 5, MoreFragments = true };
        Packet later = first with { FragmentOffset = 72, MoreFragments = false };
        _world.ToPod(_world.A, first, Uplink).Passed();
        _world.ToPod(_world.A, later, Uplink - 1).Dropped(CvReason.FragmentNoFirst);
        _world.ToPod(_world.A, later, Uplink).Passed();
    }
}
