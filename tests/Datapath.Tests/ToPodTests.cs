using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Packets towards a pod by way of the kernel's routing.</summary>
public sealed class ToPodTests : IClassFixture<World>
{
    private const uint Uplink = 99;
    private readonly World _world;

    public ToPodTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private Packet First(bool v6, byte protocol, IPAddress? from = null)
    {
        IPEndPoint source = new(from ?? World.External(v6), 50000);
        return protocol == Packet.Tcp ? Packet.OfTcp(source, _world.B.At(v6, 80), TcpFlags.Syn) : Packet.OfUdp(source, _world.B.At(v6, 80));
    }

    [Theory, MemberData(nameof(Families))]
    public void External_plaintext_is_evaluated_by_its_address(bool v6, byte protocol)
    {
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyNoAllow);
        _world.SetPolicy(World.Generation, _world.B, 31, 80, CvReason.None, rule: 12);
        CvEvent e = _world.ToPod(_world.B, First(v6, protocol, World.Known(v6)), Uplink).Passed().Single(CvEventType.New);
        Assert.Equal((12u, 31u, _world.B.Class, (byte)CvFlowFlag.Anonymous), (e.Rule, e.SrcClass, e.DstClass, e.Flags));
        Assert.Empty(_world.FromPod(_world.B, First(v6, protocol, World.Known(v6)).Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed().Events);
        Outcome refused = _world.ToPod(_world.B, First(v6, protocol), Uplink);
        Assert.Equal([CvReason.PolicyNoAllow], refused.Drops);
        Assert.Equal(0u, refused.Single(CvEventType.Denied).SrcClass);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_refused_connection_is_reset_as_if_the_pod_had_done_it(bool v6)
    {
        _world.SetPod(World.Generation, _world.B, endpoint: CvEndpointFlag.Strict);
        Outcome outcome = _world.ToPod(_world.B, First(v6, Packet.Tcp), Uplink).Reset(CvReason.StrictMtls);
        Assert.Equal((_world.B.At(v6, 80), new IPEndPoint(World.External(v6), 50000)), (outcome.View.From, outcome.View.To));
        Assert.Equal(CvAbi.MarkReject, outcome.Mark);
        Assert.Equal((byte)CvReason.StrictMtls, outcome.Single(CvEventType.Denied).Reason);
        Assert.Equal(outcome.Bytes, _world.Run(Hook.FromPod, outcome.Bytes, _world.B.Index, _world.B.Index, outcome.Mark).Passed().Bytes);
        _world.ToPod(_world.B, First(v6, Packet.Udp), Uplink).Dropped(CvReason.StrictMtls);
    }

    [Theory, MemberData(nameof(Families))]
    public void Probes_of_this_node_pass_in_strict_mode(bool v6, byte protocol)
    {
        _world.SetPod(World.Generation, _world.B, endpoint: CvEndpointFlag.Strict);
        _world.ToPod(_world.B, First(v6, protocol, World.Node(v6))).Passed();
        Assert.Empty(_world.Maps.Flows.ToList());
        Assert.Equal([CvReason.StrictMtls], _world.ToPod(_world.B, First(v6, protocol, World.Node(v6)), Uplink).Drops);
        Assert.Equal([CvReason.StrictMtls], _world.ToPod(_world.B, First(v6, protocol)).Drops);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Of_the_proxys_packets_those_without_a_socket_pass_that_carry_nothing(bool v6)
    {
        _world.SetPod(World.Generation, _world.B, endpoint: CvEndpointFlag.Strict);
        foreach (TcpFlags flags in (TcpFlags[])[TcpFlags.Syn | TcpFlags.Ack, TcpFlags.Rst, TcpFlags.Ack, TcpFlags.Fin | TcpFlags.Ack])
        {
            _world.ToPod(_world.B, First(v6, Packet.Tcp) with { Flags = flags }, mark: CvAbi.MarkProxy | 0x5).Passed();
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(CvAbi.MarkProxy), InlineData(CvAbi.MarkReject)]
    [Trait("Category", "Attack")]
    public void Attack_a_mark_alone_carries_nothing_past_policy(uint mark)
    {
        foreach (bool v6 in (bool[])[false, true])
        {
            _world.ToPod(_world.B, First(v6, Packet.Tcp), mark: mark).Dropped(CvReason.TransportSpoof);
            _world.ToPod(_world.B, First(v6, Packet.Tcp) with { Flags = TcpFlags.Ack, Payload = Packet.Pattern(8) }, mark: mark).Dropped(CvReason.TransportSpoof);
            _world.ToPod(_world.B, First(v6, Packet.Udp), mark: mark).Dropped(CvReason.TransportSpoof);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_direct_packet_too_large_for_the_veth_arrives_by_routing(bool v6)
    {
        _world.B.Mtu = 1280;
        _world.Reset();
        IPEndPoint client = _world.A.At(v6, 40000), vip = new(World.Vip(v6), WorldContent.ToB);
        _world.FromPod(_world.A, Packet.OfTcp(client, vip, TcpFlags.Syn)).Redirected(_world.B);
        Outcome large = _world.FromPod(_world.A, Packet.OfTcp(client, vip, TcpFlags.Ack, 1300)).Passed();
        Assert.Equal(_world.B.At(v6, WorldContent.BackendPort), large.View.To);
        Assert.Equal(World.HostMac, large.View.DestinationMac);
        Assert.Empty(_world.Run(Hook.ToPod, large.Bytes, _world.B.Index, _world.A.Index).Passed().Events);
        _world.Run(Hook.ToPod, large.Bytes, _world.B.Index, Uplink).Dropped(CvReason.SpoofedSource);
        Packet super = Packet.OfTcp(client, vip, TcpFlags.Ack, 3000);
        int largest = 1280 - (v6 ? 60 : 40);
        Assert.Equal(Outcome.Redirect, _world.FromPod(_world.A, super, segment: (uint)largest).Code);
        _world.FromPod(_world.A, super, segment: (uint)largest + 1).Passed();
        _world.B.Mtu = 1500;
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_answer_too_large_for_the_veth_is_translated_behind_routing(bool v6)
    {
        _world.A.Mtu = 1280;
        _world.Reset();
        IPEndPoint client = _world.A.At(v6, 40000), vip = new(World.Vip(v6), WorldContent.ToB), backend = _world.B.At(v6, WorldContent.BackendPort);
        _world.FromPod(_world.A, Packet.OfUdp(client, vip)).Redirected(_world.B);
        Packet answer = Packet.OfUdp(backend, client, 1400);
        Assert.Equal(answer.Build(), _world.FromPod(_world.B, answer).Passed().Bytes);
        Assert.Equal(vip, _world.ToPod(_world.A, answer, _world.B.Index).Passed().View.From);
        _world.ToPod(_world.A, answer, Uplink).Dropped(CvReason.SpoofedSource);
        _world.A.Mtu = 1500;
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Anonymous_flows_end_when_strict_mode_comes(bool v6)
    {
        Packet syn = First(v6, Packet.Tcp);
        _world.ToPod(_world.B, syn, Uplink).Passed();
        WorldContent.Fill(_world, 8);
        _world.SetPod(8, _world.B, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        _world.Maps.Activate(8);
        Outcome outcome = _world.ToPod(_world.B, syn with { Flags = TcpFlags.Ack, Payload = Packet.Pattern(3) }, Uplink).Reset(CvReason.StrictMtls);
        Assert.Equal([CvEventType.Closed, CvEventType.Denied], outcome.Events.Select(e => (CvEventType)e.Type));
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_end_of_an_external_connection_is_seen(bool v6)
    {
        Packet syn = First(v6, Packet.Tcp);
        _world.ToPod(_world.B, syn, Uplink).Passed();
        _world.FromPod(_world.B, syn.Reply(TcpFlags.Syn | TcpFlags.Ack) with { Sequence = 5000, Acknowledgement = 1001 }).Passed();
        _world.FromPod(_world.B, syn.Reply(TcpFlags.Fin | TcpFlags.Ack) with { Sequence = 5001, Acknowledgement = 1001 }).Passed();
        int header = v6 ? 60 : 40;
        CvEvent e = _world.ToPod(_world.B, syn with { Flags = TcpFlags.Fin | TcpFlags.Ack, Sequence = 1001, Acknowledgement = 5002 }, Uplink).Passed().Single(CvEventType.Closed);
        Assert.Equal(((ulong)(2 * header), (ulong)(2 * header)), (e.BytesOut, e.BytesIn));
        _world.FromPod(_world.B, syn.Reply() with { Sequence = 5002, Acknowledgement = 1002 }).Passed();
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_synack_of_no_connection_is_refused_and_a_reset_passes(bool v6)
    {
        _world.ToPod(_world.B, First(v6, Packet.Tcp) with { Flags = TcpFlags.Syn | TcpFlags.Ack }, Uplink).Reset(CvReason.NotAConnection);
        _world.ToPod(_world.B, First(v6, Packet.Tcp) with { Flags = TcpFlags.Rst }, Uplink).Passed();
        Assert.Empty(_world.Maps.Flows.ToList());
    }
}
