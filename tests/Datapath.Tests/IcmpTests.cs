using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>ICMP: errors reach the flow they are about, as that flow shows itself to the pod.</summary>
public sealed class IcmpTests : IClassFixture<World>
{
    private readonly World _world;

    public IcmpTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private Packet First(bool v6, byte protocol, IPEndPoint to) =>
        protocol == Packet.Tcp ? Packet.OfTcp(_world.A.At(v6, 40000), to, TcpFlags.Syn) : Packet.OfUdp(_world.A.At(v6, 40000), to);

    [Theory, InlineData(false), InlineData(true)]
    public void Echo_passes_both_ways(bool v6)
    {
        _world.FromPod(_world.A, Packet.OfIcmp(_world.A.Address(v6), World.External(v6), v6 ? (byte)128 : (byte)8)).Passed();
        _world.ToPod(_world.A, Packet.OfIcmp(World.External(v6), _world.A.Address(v6), v6 ? (byte)129 : (byte)0), 99).Passed();
    }

    [Theory, InlineData(5), InlineData(9)]
    public void Neither_a_pod_nor_an_outsider_speaks_for_a_router(byte type)
    {
        byte[] quoted = First(false, Packet.Udp, new(World.External(false), 81)).Build();
        byte[] payload = type == 5 ? quoted[14..42] : new byte[8];
        _world.FromPod(_world.A, Packet.OfIcmp(_world.A.Address(false), World.External(false), type, payload: payload)).Dropped(CvReason.NeighbourScope);
        _world.FromPod(_world.A, Packet.OfIcmp(_world.A.Address(false), _world.B.Address(false), type, payload: payload)).Dropped(CvReason.NeighbourScope);
        _world.ToPod(_world.A, Packet.OfIcmp(World.External(false), _world.A.Address(false), type, payload: payload), 99).Dropped(CvReason.NeighbourScope);
    }

    [Theory, MemberData(nameof(Families))]
    public void An_error_about_a_service_flow_comes_from_the_service(bool v6, byte protocol)
    {
        IPEndPoint vip = new(World.Vip(v6), WorldContent.ToB);
        Outcome there = _world.FromPod(_world.A, First(v6, protocol, vip)).Redirected(_world.B);
        Outcome error = _world.FromPod(_world.B, Packet.OfIcmpError(_world.B.Address(v6), _world.A.Address(v6), there.Bytes)).Redirected(_world.A);
        Assert.Equal((vip.Address, _world.A.Address(v6)), (error.View.Source, error.View.Destination));
        Assert.Equal((_world.A.At(v6, 40000), vip), (error.View.Quoted.From, error.View.Quoted.To));
    }

    [Theory, MemberData(nameof(Families))]
    public void An_error_about_a_services_answer_reaches_the_backend(bool v6, byte protocol)
    {
        IPEndPoint vip = new(World.Vip(v6), WorldContent.ToB), backend = _world.B.At(v6, WorldContent.BackendPort);
        Packet first = First(v6, protocol, vip);
        _world.FromPod(_world.A, first).Redirected(_world.B);
        Outcome back = _world.FromPod(_world.B, (first with { Destination = backend.Address, DestinationPort = (ushort)backend.Port }).Reply(TcpFlags.Ack)).Redirected(_world.A);
        Outcome error = _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), vip.Address, back.Bytes)).Redirected(_world.B);
        Assert.Equal((_world.A.Address(v6), backend.Address), (error.View.Source, error.View.Destination));
        Assert.Equal((backend, _world.A.At(v6, 40000)), (error.View.Quoted.From, error.View.Quoted.To));
    }

    [Theory, MemberData(nameof(Families))]
    public void A_routers_error_keeps_its_sender_and_quotes_the_service(bool v6, byte protocol)
    {
        IPEndPoint vip = new(World.Vip(v6), WorldContent.ToB);
        Outcome there = _world.FromPod(_world.A, First(v6, protocol, vip)).Redirected(_world.B);
        Outcome error = _world.ToPod(_world.A, Packet.OfIcmpError(World.Node(v6), _world.A.Address(v6), there.Bytes)).Passed();
        Assert.Equal(World.Node(v6), error.View.Source);
        Assert.Equal(vip, error.View.Quoted.To);
    }

    [Theory, MemberData(nameof(Families))]
    public void An_error_about_an_untranslated_flow_arrives_as_it_is(bool v6, byte protocol)
    {
        Packet first = First(v6, protocol, _world.B.At(v6, 80));
        Outcome there = _world.FromPod(_world.A, first).Redirected(_world.B);
        Packet error = Packet.OfIcmpError(_world.B.Address(v6), _world.A.Address(v6), there.Bytes);
        Assert.Equal(error.Build()[12..], _world.FromPod(_world.B, error).Redirected(_world.A).Bytes[12..]);
        Packet external = First(v6, protocol, new(World.External(v6), 80));
        _world.FromPod(_world.A, external).Passed();
        _world.ToPod(_world.A, Packet.OfIcmpError(World.External(v6), _world.A.Address(v6), external.Build()), 99).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_error_about_no_flow_is_refused_from_external_senders_only(bool v6)
    {
        byte[] never = First(v6, Packet.Udp, new(World.External(v6), 81)).Build();
        _world.ToPod(_world.A, Packet.OfIcmpError(World.External(v6), _world.A.Address(v6), never), 99).Dropped(CvReason.ForeignError);
        _world.ToPod(_world.A, Packet.OfIcmpError(World.Node(v6), _world.A.Address(v6), never)).Passed();
        _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), World.External(v6), First(v6, Packet.Udp, new(World.External(v6), 81)).Reply().Build())).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_error_that_quotes_too_little_is_malformed(bool v6)
    {
        byte[] quoted = First(v6, Packet.Udp, _world.B.At(v6, 80)).Build();
        _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), World.External(v6), quoted[..28])).Dropped(CvReason.Malformed);
        quoted[14] = 0x10;
        _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), World.External(v6), quoted)).Dropped(CvReason.Malformed);
        _world.FromPod(_world.A, Packet.OfIcmp(_world.A.Address(v6), World.External(v6), 3, payload: []) with { Protocol = v6 ? Packet.Icmp6 : Packet.Icmp }).Dropped(CvReason.Malformed);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_error_that_quotes_no_ports_passes(bool v6)
    {
        byte[] echo = Packet.OfIcmp(_world.A.Address(v6), World.External(v6), v6 ? (byte)128 : (byte)8).Build();
        _world.ToPod(_world.A, Packet.OfIcmpError(World.External(v6), _world.A.Address(v6), echo), 99).Passed();
    }
}
