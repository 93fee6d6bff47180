using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Who may speak to whom, and what a change of that does to flows that are there already.</summary>
public sealed class PolicyTests : IClassFixture<World>
{
    private const uint Next = World.Generation + 1;
    private const int PlainPort = 7000;
    private readonly World _world;

    public PolicyTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, CvReason> Refusals
    {
        get
        {
            TheoryData<bool, CvReason> data = [];
            foreach (CvReason reason in (CvReason[])[CvReason.PolicyDeny, CvReason.PolicyNoAllow, CvReason.PolicyDefault])
            {
                data.Add(false, reason);
                data.Add(true, reason);
            }
            return data;
        }
    }

    private Packet Syn(bool v6, int port = 80) => Packet.OfTcp(_world.A.At(v6, 40000), _world.B.At(v6, port), TcpFlags.Syn);

    [Theory, MemberData(nameof(Refusals))]
    public void A_refused_connection_is_reset_counted_and_told_of(bool v6, CvReason reason)
    {
        _world.SetPolicy(World.Generation, _world.B, _world.A.Class, 80, reason, rule: 77);
        Outcome outcome = _world.FromPod(_world.A, Syn(v6) with { Sequence = 5000 }).Reset(reason);
        Assert.Equal((_world.B.At(v6, 80), _world.A.At(v6, 40000)), (outcome.View.From, outcome.View.To));
        Assert.Equal((TcpFlags.Rst | TcpFlags.Ack, 0u, 5001u), (outcome.View.Flags, outcome.View.Sequence, outcome.View.Acknowledgement));
        Assert.Equal(World.PodMac, outcome.View.DestinationMac);
        Assert.Equal(World.HostMac, outcome.View.SourceMac);
        CvEvent e = outcome.Single(CvEventType.Denied);
        Assert.Equal(((byte)reason, 77u, _world.A.Class, _world.B.Class), (e.Reason, e.Rule, e.SrcClass, e.DstClass));
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_refused_packet_with_data_is_answered_at_its_own_place_and_cut_short(bool v6)
    {
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        Outcome outcome = _world.FromPod(_world.A, Syn(v6) with { Flags = TcpFlags.Ack | TcpFlags.Push, Acknowledgement = 4242, Payload = Packet.Pattern(700) });
        PacketView reset = outcome.Reset(CvReason.PolicyDeny).View;
        Assert.Equal((TcpFlags.Rst, 4242u, v6 ? 74 : 54), (reset.Flags, reset.Sequence, reset.Length));
        _world.FromPod(_world.A, Syn(v6) with { Flags = TcpFlags.Rst }).Dropped(CvReason.PolicyDeny);
        _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 1), _world.B.At(v6, 2))).Dropped(CvReason.PolicyDeny).Single(CvEventType.Denied);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_most_specific_verdict_wins(bool v6)
    {
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDefault);
        _world.FromPod(_world.A, Syn(v6)).Reset(CvReason.PolicyDefault);
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 80, CvReason.None, rule: 1);
        Assert.Equal(1u, _world.FromPod(_world.A, Syn(v6)).Redirected(_world.B).Single(CvEventType.New).Rule);
        _world.SetPolicy(World.Generation, _world.B, _world.A.Class, 0, CvReason.PolicyDeny);
        _world.FromPod(_world.A, Syn(v6) with { SourcePort = 40001 }).Reset(CvReason.PolicyDeny);
        _world.SetPolicy(World.Generation, _world.B, _world.A.Class, 80, CvReason.None, rule: 2, audit: true);
        CvEvent e = _world.FromPod(_world.A, Syn(v6) with { SourcePort = 40002 }).Redirected(_world.B).Single(CvEventType.New);
        Assert.Equal((2u, (byte)CvFlowFlag.Audit), (e.Rule, e.Flags));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_target_policy_set_without_any_verdict_is_refused(bool v6)
    {
        _world.Maps.Policies.Clear();
        _world.FromPod(_world.A, Syn(v6)).Dropped(CvReason.Internal).Single(CvEventType.Dropped);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Policy_sees_the_port_of_the_backend(bool v6)
    {
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, WorldContent.BackendPort, CvReason.PolicyDeny);
        Packet syn = Packet.OfTcp(_world.A.At(v6, 40000), new(World.Vip(v6), WorldContent.ToB), TcpFlags.Syn);
        CvEvent e = _world.FromPod(_world.A, syn).Reset(CvReason.PolicyDeny).Single(CvEventType.Denied);
        Assert.Equal((Abi.Address(_world.B.Address(v6)), Abi.Network(WorldContent.BackendPort)), (e.NatAddr, e.NatPort));
    }

    [Theory, InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public void A_flow_that_policy_no_longer_allows_is_closed_from_either_side(bool v6, bool fromB)
    {
        Packet syn = Syn(v6);
        _world.FromPod(_world.A, syn).Redirected(_world.B);
        _world.FromPod(_world.B, syn.Reply(TcpFlags.Syn | TcpFlags.Ack)).Redirected(_world.A);
        WorldContent.Fill(_world, Next);
        _world.SetPolicy(Next, _world.B, _world.A.Class, 80, CvReason.PolicyDeny, rule: 5);
        _world.Maps.Activate(Next);

        Outcome outcome = fromB
            ? _world.FromPod(_world.B, syn.Reply() with { Payload = Packet.Pattern(9) })
            : _world.FromPod(_world.A, syn with { Flags = TcpFlags.Ack, Payload = Packet.Pattern(9) });
        outcome.Reset(CvReason.PolicyDeny);
        Assert.Equal([CvEventType.Closed, CvEventType.Denied], outcome.Events.Select(e => (CvEventType)e.Type));
        Assert.All(outcome.Events, e => Assert.Equal(Abi.Key(_world.A.At(v6, 40000), _world.B.At(v6, 80), Packet.Tcp), e.Key));
        Assert.Equal(5u, outcome.Events[1].Rule);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false, PlainPort), InlineData(true, PlainPort), InlineData(false, WorldContent.ToB), InlineData(true, WorldContent.ToB)]
    public void An_answer_under_way_does_not_bring_refused_datagrams_back(bool v6, int port)
    {
        bool service = port == WorldContent.ToB;
        IPEndPoint client = _world.A.At(v6, 40000), to = service ? new(World.Vip(v6), port) : _world.B.At(v6, port);
        Packet asked = Packet.OfUdp(client, to), answer = Packet.OfUdp(service ? _world.B.At(v6, WorldContent.BackendPort) : to, client);
        _world.FromPod(_world.A, asked).Redirected(_world.B);
        _world.FromPod(_world.B, answer).Redirected(_world.A);
        WorldContent.Fill(_world, Next);
        _world.SetPolicy(Next, _world.B, _world.A.Class, 0, CvReason.PolicyNoAllow);
        _world.Maps.Activate(Next);

        for (int i = 0; i < 2; i++)
        {
            _world.FromPod(_world.A, asked).Dropped(CvReason.PolicyNoAllow).Single(CvEventType.Denied);
            _world.FromPod(_world.B, answer).Dropped(CvReason.PolicyNoAllow).Single(CvEventType.Denied);
        }

        // Allowed again, it goes on.
        WorldContent.Fill(_world, Next + 1);
        _world.Maps.Activate(Next + 1);
        for (int i = 0; i < 2; i++)
        {
            _world.FromPod(_world.A, asked).Redirected(_world.B);
            _world.FromPod(_world.B, answer).Redirected(_world.A);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_flow_that_is_still_allowed_goes_on_under_the_new_generation(bool v6)
    {
        Packet syn = Syn(v6);
        _world.FromPod(_world.A, syn).Redirected(_world.B);
        WorldContent.Fill(_world, Next);
        _world.SetPolicy(Next, _world.B, _world.A.Class, 80, CvReason.None, rule: 6);
        _world.Maps.Activate(Next);
        ulong before = _world.Maps.Counter(CvCounter.Reevaluated);
        Assert.Empty(_world.FromPod(_world.B, syn.Reply()).Redirected(_world.A).Events);
        Assert.All(_world.Maps.Flows.ToList(), f => Assert.Equal((Next, 6u), (f.Value.Generation, f.Value.Rule)));
        Assert.Empty(_world.FromPod(_world.A, syn with { Flags = TcpFlags.Ack }).Redirected(_world.B).Events);
        Assert.Equal(1ul, _world.Maps.Counter(CvCounter.Reevaluated) - before);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_flow_to_a_pod_that_is_gone_ends(bool v6)
    {
        Packet syn = Syn(v6);
        _world.FromPod(_world.A, syn).Redirected(_world.B);
        WorldContent.Fill(_world, Next);
        _world.Maps.Addresses.Delete(new CvAddressKey { Prefixlen = 160, Generation = Next, Addr = Abi.Address(_world.B.Address(v6)) });
        _world.Maps.Activate(Next);
        Outcome outcome = _world.FromPod(_world.A, syn with { Flags = TcpFlags.Ack }).Passed();
        Assert.Equal(CvEventType.Closed, (CvEventType)outcome.Events[0].Type);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_became_a_workload_here_is_evaluated_as_one(bool v6)
    {
        Packet datagram = Packet.OfUdp(_world.A.At(v6, 40000), new(World.External(v6), 80));
        _world.FromPod(_world.A, datagram).Passed();
        WorldContent.Fill(_world, Next);
        _world.SetPolicy(Next, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        _world.SetAddress(Next, World.External(v6), new CvAddress { Flags = (uint)(CvAddressFlag.Meshed | CvAddressFlag.Local), TargetPolicySet = _world.B.TargetPolicySet, Ifindex = _world.B.Index });
        _world.Maps.Activate(Next);
        _world.FromPod(_world.A, datagram).Dropped(CvReason.PolicyDeny);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Datagrams_stay_with_their_backend_until_it_is_gone(bool v6)
    {
        Packet datagram = Packet.OfUdp(_world.A.At(v6, 40000), new(World.Vip(v6), WorldContent.ToExternal));
        CvAddress named = new() { AnonClass = 77 };
        _world.SetAddress(World.Generation, World.External(v6), named);
        _world.FromPod(_world.A, datagram).Passed();
        WorldContent.Fill(_world, Next);
        _world.SetAddress(Next, World.External(v6), named);
        _world.Maps.Activate(Next);
        Assert.Empty(_world.FromPod(_world.A, datagram).Passed().Events);
        WorldContent.Fill(_world, Next + 1);
        _world.SetService(Next + 1, v6, WorldContent.ToExternal, 6, default, _world.B.Address(v6));
        _world.Maps.Activate(Next + 1);
        Outcome outcome = _world.FromPod(_world.A, datagram).Redirected(_world.B);
        Assert.Equal([CvEventType.Closed, CvEventType.New], outcome.Events.Select(e => (CvEventType)e.Type));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_connection_older_than_the_table_is_picked_up_without_an_event_and_goes_on_by_routing(bool v6)
    {
        Assert.Empty(_world.FromPod(_world.A, Syn(v6) with { Flags = TcpFlags.Ack, Payload = Packet.Pattern(5) }).Passed().Events);
        Assert.Empty(_world.FromPod(_world.B, Syn(v6).Reply()).Passed().Events);
        Assert.All(_world.Maps.Flows.ToList(), f => Assert.True(((CvFlowFlag)f.Value.Flags).HasFlag(CvFlowFlag.HostStack)));
        _world.FromPod(_world.A, Syn(v6) with { SourcePort = 1, Flags = TcpFlags.Rst }).Dropped(CvReason.NotAConnection);
        _world.FromPod(_world.A, Syn(v6) with { SourcePort = 1, Flags = TcpFlags.Syn | TcpFlags.Ack }).Reset(CvReason.NotAConnection);
    }
}
