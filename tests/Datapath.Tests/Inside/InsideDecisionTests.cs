using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Inside;

/// <summary>What becomes of the first packet that a pod sends which is captured inside its network namespace, by its destination.</summary>
public sealed class InsideDecisionTests : IClassFixture<World>
{
    private const ushort Space = 5, OtherSpace = 6;
    private readonly World _world;
    private readonly Workload _a;

    public InsideDecisionTests(World world)
    {
        _world = world;
        _world.Reset();
        _a = _world.SetInside(World.Generation, _world.A, Space);
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private static IPEndPoint Vip(bool v6, int port) => new(World.Vip(v6), port);

    private Packet First(bool v6, byte protocol, IPEndPoint to, int port = 40000) =>
        protocol == Packet.Tcp ? Packet.OfTcp(_a.At(v6, port), to, TcpFlags.Syn) : Packet.OfUdp(_a.At(v6, port), to);

    [Theory, MemberData(nameof(Families))]
    public void What_is_for_a_workload_goes_to_the_proxy_wherever_that_is(bool v6, byte protocol)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        Workload elsewhere = _world.SetInside(World.Generation, _world.C, OtherSpace);
        int port = 40000;
        foreach (IPEndPoint to in (IPEndPoint[])[new(World.Remote(v6), 80), _world.B.At(v6, 80), elsewhere.At(v6, 81), Vip(v6, WorldContent.ToB), Vip(v6, WorldContent.ToRemote), Vip(v6, WorldContent.ToSelf), Vip(v6, WorldContent.Forced)])
        {
            Packet first = First(v6, protocol, to, ++port);
            Outcome outcome = _world.FromPod(_a, first).Looped();
            Assert.Equal(first.Build()[12..], outcome.Bytes[12..]);
            CvFlowKey key = Abi.Key(first, Space);
            if (protocol == Packet.Tcp)
            {
                Assert.True(_world.Maps.LookupKinds.TryGet(key, out uint kind));
                Assert.Equal(v6 ? CvListenerKind.Out6 : CvListenerKind.Out4, (CvListenerKind)kind);
                Assert.Null(_world.Maps.Session(key));
            }
            else
            {
                CvSession session = _world.Maps.Session(key)!.Value;
                Assert.Equal((_a.Index, _a.Class, 0u), (session.Ifindex, session.SrcClass, session.Flags));
                Assert.Equal(first.Build()[12..], _world.FromPod(_a, first).Looped().Bytes[12..]); // of a known session
            }
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void What_is_for_the_proxy_is_dropped_silently_while_it_has_no_socket_in_that_space(bool v6, byte protocol)
    {
        using IDisposable others = _world.OfferInside(OtherSpace), nodes = _world.OfferDatagrams();
        foreach (IPEndPoint to in (IPEndPoint[])[new(World.Remote(v6), 80), _world.B.At(v6, 80), Vip(v6, WorldContent.ToB), Vip(v6, WorldContent.ToSelf)])
        {
            Packet first = First(v6, protocol, to);
            for (int i = 0; i < 2; i++) _world.FromPod(_a, first).Dropped(CvReason.ProxyDown);
        }
        Assert.Empty(_world.Maps.LookupKinds.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void A_slot_that_is_empty_is_passed_over(bool v6, byte protocol)
    {
        using IDisposable sockets = _world.OfferInside(Space, slot: 3);
        for (int port = 40000; port < 40008; port++) _world.FromPod(_a, First(v6, protocol, new(World.Remote(v6), 80), port)).Looped();
    }

    [Theory, MemberData(nameof(Families))]
    public void A_destination_outside_the_mesh_passes_and_its_answers_come_in(bool v6, byte protocol)
    {
        IPEndPoint external = new(World.External(v6), 443);
        Packet first = First(v6, protocol, external);
        CvEvent e = _world.FromPod(_a, first).Passed().Single(CvEventType.New);
        Assert.Equal(((byte)CvVerdict.Pass, (byte)CvFlowFlag.Outbound, _a.Index), (e.Verdict, e.Flags, e.Ifindex));
        CvFlow flow = _world.Maps.Flow(Abi.Key(first, Space))!.Value, answers = _world.Maps.Flow(Abi.Key(first.Reply(), Space))!.Value;
        Assert.Equal((_a.Index, 0u, _a.Index), (flow.InIfindex, flow.Ifindex, flow.Owner));
        Assert.Equal((0u, _a.Index, (ushort)(CvFlowFlag.Outbound | CvFlowFlag.Reply)), (answers.InIfindex, answers.Ifindex, answers.Flags));
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        _world.SetPod(World.Generation, _a, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        Assert.Empty(_world.ToPod(_a, first.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed().Events);
        Assert.Empty(_world.FromPod(_a, first with { Flags = TcpFlags.Ack }).Passed().Events);
        Assert.Equal(1ul, _world.Maps.Flow(Abi.Key(first.Reply(), Space))!.Value.Packets);
    }

    [Theory, MemberData(nameof(Families))]
    public void Excluded_and_node_addresses_and_excluded_ports_pass(bool v6, byte protocol)
    {
        _world.ExcludePort(World.Generation, 9100);
        foreach (IPEndPoint to in (IPEndPoint[])[new(World.Excluded(v6), 80), new(World.Node(v6), 80), new(World.Remote(v6), 9100), _world.B.At(v6, 9100)])
        {
            Packet first = First(v6, protocol, to);
            _world.FromPod(_a, first).Passed();
            Assert.Equal(0u, _world.Maps.Flow(Abi.Key(first, Space))!.Value.Ifindex);
            _world.ToPod(_a, first.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed();
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void What_a_service_leads_out_of_the_mesh_is_translated_both_ways(bool v6, byte protocol)
    {
        IPEndPoint client = _a.At(v6, 40000), vip = Vip(v6, WorldContent.ToExternal), backend = new(World.External(v6), WorldContent.BackendPort);
        Packet first = First(v6, protocol, vip), answer = (first with { Destination = backend.Address, DestinationPort = (ushort)backend.Port }).Reply(TcpFlags.Syn | TcpFlags.Ack);
        Outcome there = _world.FromPod(_a, first).Passed();
        Assert.Equal((client, backend), (there.View.From, there.View.To));
        Outcome back = _world.ToPod(_a, answer).Passed();
        Assert.Equal((vip, client), (back.View.From, back.View.To));
        Outcome error = _world.ToPod(_a, Packet.OfIcmpError(backend.Address, client.Address, there.Bytes)).Passed();
        Assert.Equal((vip.Address, client, vip), (error.View.Source, error.View.Quoted.From, error.View.Quoted.To));
    }

    [Theory, MemberData(nameof(Families))]
    public void What_a_service_does_not_have_is_answered_into_the_pod(bool v6, byte protocol)
    {
        foreach ((IPEndPoint to, CvReason reason) in new[] { (Vip(v6, 9), CvReason.NoServicePort), (Vip(v6, WorldContent.ToNobody), CvReason.NoBackend) })
        {
            Packet first = First(v6, protocol, to);
            Outcome outcome = _world.FromPod(_a, first);
            if (protocol == Packet.Tcp) Assert.Equal((to, _a.At(v6, 40000)), (outcome.Reset(reason).View.From, outcome.View.To));
            else outcome.Unreachable(reason, first);
            Answered(outcome);
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_tunnel_port_is_not_for_pods(bool v6)
    {
        foreach (IPAddress to in (IPAddress[])[World.Remote(v6), _world.B.Address(v6)]) Answered(_world.FromPod(_a, First(v6, Packet.Tcp, new(to, 15008))).Reset(CvReason.TunnelPort));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Only_a_syn_and_what_may_answer_a_cookie_begin_a_proxied_connection(bool v6)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        Packet syn = First(v6, Packet.Tcp, new(World.Remote(v6), 80));
        Answered(_world.FromPod(_a, syn with { Flags = TcpFlags.Syn | TcpFlags.Ack }).Reset(CvReason.NotAConnection));
        _world.FromPod(_a, syn with { Flags = TcpFlags.Rst }).Dropped(CvReason.NotAConnection);
        _world.FromPod(_a, syn with { Flags = TcpFlags.Ack }).Looped();
    }

    [Theory, MemberData(nameof(Families))]
    public void A_pod_that_speaks_to_itself_is_left_alone(bool v6, byte protocol) => _world.FromPod(_a, First(v6, protocol, _a.At(v6, 80))).Passed();

    [Theory, MemberData(nameof(Families))]
    [Trait("Category", "Attack")]
    public void Attack_a_source_that_is_not_the_pods_own_does_not_leave(bool v6, byte protocol)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        foreach (IPAddress source in (IPAddress[])[_world.B.Address(v6), World.External(v6), World.Remote(v6), World.Node(v6), World.Vip(v6)])
        {
            foreach (IPAddress to in (IPAddress[])[World.External(v6), World.Remote(v6), _a.Address(v6)])
                _world.FromPod(_a, First(v6, protocol, new(to, 80)) with { Source = source }).Dropped(CvReason.SpoofedSource);
        }
        Assert.Empty(_world.Maps.Flows.ToList());
        Assert.Empty(_world.Maps.Sessions.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void Policy_of_what_it_sends_is_asked_but_of_what_is_left_alone(bool v6, byte protocol)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        _world.SetEgressPolicy(World.Generation, _a, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
        _world.SetEgressPolicy(World.Generation, _a, 31, CvReason.None);
        foreach (IPAddress refused in (IPAddress[])[World.External(v6), World.Remote(v6), _world.B.Address(v6)])
        {
            Outcome outcome = _world.FromPod(_a, First(v6, protocol, new(refused, 80)));
            if (protocol == Packet.Tcp) Answered(outcome.Reset(CvReason.NetworkPolicyEgress));
            else outcome.Dropped(CvReason.NetworkPolicyEgress);
            outcome.Single(CvEventType.Denied);
        }
        foreach (IPAddress allowed in (IPAddress[])[World.Known(v6), World.Node(v6), World.Excluded(v6)]) _world.FromPod(_a, First(v6, protocol, new(allowed, 80))).Passed();
        _world.FromPod(_a, First(v6, protocol, Vip(v6, WorldContent.ToRemote))).Looped(); // the proxy asks of the backend that it takes
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Answers_to_a_socket_of_the_proxy_go_there_from_whatever_port(bool v6)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        IPEndPoint client = new(World.External(v6), 50000);
        CvFlowKey asked = Abi.Key(_a.At(v6, 0), client, Packet.Udp, Space), elsewhere = asked;
        elsewhere.Space = OtherSpace;
        _world.Maps.Replies.Set(elsewhere, default);
        _world.FromPod(_a, Packet.OfUdp(_a.At(v6, 53), client)).Passed();
        _world.Maps.Flows.Clear();
        _world.Maps.Replies.Set(asked, default);
        foreach (int port in (int[])[53, 40000]) _world.FromPod(_a, Packet.OfUdp(_a.At(v6, port), client)).Looped();
        Assert.Empty(_world.Maps.Flows.ToList());
        Packet error = Packet.OfIcmpError(_a.Address(v6), client.Address, Packet.OfUdp(client, _a.At(v6, 53)).Build());
        _world.FromPod(_a, error).Looped();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Errors_leave_about_what_the_pod_got_only(bool v6)
    {
        byte[] got = Packet.OfUdp(new(World.External(v6), 53), _a.At(v6, 80)).Build(), others = Packet.OfUdp(new(World.External(v6), 53), _world.B.At(v6, 80)).Build();
        _world.FromPod(_a, Packet.OfIcmpError(_a.Address(v6), World.External(v6), got)).Passed();
        _world.FromPod(_a, Packet.OfIcmpError(_a.Address(v6), World.External(v6), others)).Dropped(CvReason.ForeignError);
        _world.FromPod(_a, Packet.OfIcmpError(_a.Address(v6), World.Known(v6), got)).Dropped(CvReason.ForeignError);
        _world.FromPod(_a, Packet.OfIcmp(_a.Address(v6), World.External(v6), v6 ? (byte)128 : (byte)8)).Passed();
    }

    // Back into the pod: by the ingress of its own link, with the mark by which the program there knows it.
    private static void Answered(Outcome outcome)
    {
        Assert.Equal(CvAbi.MarkReject, outcome.Mark & CvAbi.MarkMask);
        Assert.Equal((World.PodMac, World.HostMac), (outcome.View.DestinationMac, outcome.View.SourceMac), MacPair);
    }

    private static bool MacPair((byte[] To, byte[] From) one, (byte[] To, byte[] From) other) => one.To.SequenceEqual(other.To) && one.From.SequenceEqual(other.From);
}
