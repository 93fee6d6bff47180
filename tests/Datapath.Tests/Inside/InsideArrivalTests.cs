using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Inside;

/// <summary>What comes to a pod that is captured inside its network namespace: all of it by one wire, which proves nothing of whom it is from.</summary>
public sealed class InsideArrivalTests : IClassFixture<World>
{
    private const ushort Space = 5, OtherSpace = 6, TunnelPort = 15008;
    private readonly World _world;
    private readonly Workload _a;

    public InsideArrivalTests(World world)
    {
        _world = world;
        _world.Reset();
        _a = _world.SetInside(World.Generation, _world.A, Space);
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private static IPEndPoint External(bool v6) => new(World.External(v6), 50000);

    private static Packet First(byte protocol, IPEndPoint from, IPEndPoint to) => protocol == Packet.Tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to);

    private Packet Asked(bool v6, byte protocol, int port = 80) => First(protocol, External(v6), _a.At(v6, port));

    [Theory, MemberData(nameof(Families))]
    public void Plaintext_from_outside_is_evaluated_by_its_address_and_answered(bool v6, byte protocol)
    {
        Packet first = Asked(v6, protocol);
        CvEvent e = _world.ToPod(_a, first).Passed().Single(CvEventType.New);
        Assert.Equal(((byte)CvVerdict.Pass, (byte)CvFlowFlag.Anonymous, 0u, _a.Class), (e.Verdict, e.Flags, e.SrcClass, e.DstClass));
        CvFlow flow = _world.Maps.Flow(Abi.Key(first, Space))!.Value;
        Assert.Equal((0u, _a.Index, CvAbi.OwnerExternal), (flow.InIfindex, flow.Ifindex, flow.Owner));
        Assert.Empty(_world.FromPod(_a, first.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed().Events);
        Assert.Empty(_world.ToPod(_a, first with { Flags = TcpFlags.Ack }).Passed().Events);
        _world.SetPolicy(World.Generation, _a, 0, 81, CvReason.PolicyDeny);
        Refused(_world.ToPod(_a, Asked(v6, protocol, 81)), CvReason.PolicyDeny, protocol);
    }

    [Theory, MemberData(nameof(Families))]
    public void Plaintext_to_a_strict_pod_is_refused_and_connections_are_reset_outwards(bool v6, byte protocol)
    {
        _world.SetPod(World.Generation, _a, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        Outcome outcome = _world.ToPod(_a, Asked(v6, protocol));
        Refused(outcome, CvReason.StrictMtls, protocol);
        if (protocol == Packet.Tcp) Assert.Equal((_a.At(v6, 80), External(v6)), (outcome.View.From, outcome.View.To));
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void Probes_of_the_node_come_in_whatever_policy_says_and_leave_no_entry(bool v6, byte protocol)
    {
        _world.SetPod(World.Generation, _a, CvAddressFlag.Strict, CvEndpointFlag.Strict | CvEndpointFlag.NoEcho);
        _world.SetPolicy(World.Generation, _a, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        Packet probe = First(protocol, new(World.Node(v6), 50000), _a.At(v6, 80));
        _world.ToPod(_a, probe).Passed();
        if (protocol == Packet.Tcp)
        {
            _world.FromPod(_a, probe.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed();
            Assert.Empty(_world.Maps.Flows.ToList());
        }
        _world.ToPod(_a, Packet.OfIcmp(World.Node(v6), _a.Address(v6), v6 ? (byte)128 : (byte)8)).Passed();
        _world.ToPod(_a, Packet.OfIcmp(World.External(v6), _a.Address(v6), v6 ? (byte)128 : (byte)8)).Dropped(CvReason.IcmpEcho);
    }

    [Theory, MemberData(nameof(Families))]
    [Trait("Category", "Attack")]
    public void Attack_nobody_speaks_as_one_of_the_mesh_in_plaintext(bool v6, byte protocol)
    {
        Workload inside = _world.SetInside(World.Generation, _world.C, OtherSpace);
        _world.ExcludePort(World.Generation, 9100);
        foreach (IPAddress source in (IPAddress[])[_a.Address(v6), _world.B.Address(v6), inside.Address(v6), World.Remote(v6), World.Vip(v6)])
        {
            Packet spoofed = First(protocol, new(source, 50000), _a.At(v6, 80));
            _world.ToPod(_a, spoofed).Dropped(CvReason.SpoofedSource);
            _world.ToPod(_a, spoofed with { Flags = TcpFlags.Ack }).Dropped(CvReason.SpoofedSource);
            // What configuration leaves alone takes it from workloads, wherever they are: their packets leave them as they are.
            Outcome leftAlone = _world.ToPod(_a, spoofed with { DestinationPort = 9100 });
            if (source.Equals(_a.Address(v6)) || source.Equals(World.Vip(v6))) leftAlone.Dropped(CvReason.SpoofedSource);
            else leftAlone.Passed();
        }
        Assert.All(_world.Maps.Flows.ToList(), f => Assert.Contains(Abi.Network(9100), (ushort[])[f.Key.Sport, f.Key.Dport]));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Tunnels_of_anybody_go_to_their_listener(bool v6)
    {
        _world.SetPod(World.Generation, _a, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        Packet syn = First(Packet.Tcp, External(v6), _a.At(v6, TunnelPort));
        _world.ToPod(_a, syn).Dropped(CvReason.ProxyDown);
        using IDisposable sockets = _world.OfferInside(Space);
        foreach (IPAddress from in (IPAddress[])[World.Remote(v6), _world.B.Address(v6), World.External(v6), World.Node(v6)])
        {
            Packet tunnel = syn with { Source = from };
            _world.ToPod(_a, tunnel).Captured();
            Assert.True(_world.Maps.LookupKinds.TryGet(Abi.Key(tunnel, Space), out uint kind));
            Assert.Equal(v6 ? CvListenerKind.Tunnel6 : CvListenerKind.Tunnel4, (CvListenerKind)kind);
        }
        _world.ToPod(_a, syn with { Flags = TcpFlags.Rst }).Dropped(CvReason.NotAConnection);
        _world.ToPod(_a, syn with { Flags = TcpFlags.Syn | TcpFlags.Ack }).Dropped(CvReason.NotAConnection);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void Ports_behind_the_proxy_take_clients_from_outside_by_it_and_others_do_not(bool v6, byte protocol)
    {
        Workload c = _world.SetInside(World.Generation, _world.C, Space, CvAddressFlag.Proxy);
        Packet first = First(protocol, External(v6), c.At(v6, WorldContent.HeaderPort));
        _world.ToPod(c, first).Dropped(CvReason.ProxyDown);
        using IDisposable sockets = _world.OfferInside(Space);
        _world.ToPod(c, first).Captured();
        if (protocol == Packet.Tcp)
        {
            Assert.True(_world.Maps.LookupKinds.TryGet(Abi.Key(first, Space), out uint kind));
            Assert.Equal(v6 ? CvListenerKind.Out6 : CvListenerKind.Out4, (CvListenerKind)kind);
        }
        else
        {
            CvSession session = _world.Maps.Session(Abi.Key(first, Space))!.Value;
            Assert.Equal((c.Index, (uint)CvSessionFlag.External, 0u), (session.Ifindex, session.Flags, session.SrcClass));
            Assert.Equal(first.Build(), _world.ToPod(c, first).Captured().Bytes);
        }
        foreach (IPAddress source in (IPAddress[])[c.Address(v6), _world.B.Address(v6), World.Remote(v6), World.Vip(v6)]) _world.ToPod(c, first with { Source = source }).Dropped(CvReason.SpoofedSource);
        Assert.Empty(_world.Maps.Flows.ToList());
        Assert.Equal(0u, _world.ToPod(c, first with { DestinationPort = 7000 }).Passed().Mark);
        _world.SetPod(World.Generation, c, CvAddressFlag.Proxy | CvAddressFlag.Strict, CvEndpointFlag.Strict);
        Refused(_world.ToPod(c, first with { SourcePort = 50001 }), CvReason.StrictMtls, protocol);
    }

    [Theory, MemberData(nameof(Families))]
    public void What_is_for_another_pod_is_dropped(bool v6, byte protocol)
    {
        foreach (Workload other in (Workload[])[_world.B, _world.SetInside(World.Generation, _world.C, OtherSpace)])
            _world.ToPod(_a, First(protocol, External(v6), other.At(v6, 80))).Dropped(CvReason.Flooded);
        // Nor is a tunnel that is for another pod this one's.
        using IDisposable sockets = _world.OfferInside(Space);
        if (protocol == Packet.Tcp) _world.ToPod(_a, First(protocol, External(v6), _world.B.At(v6, TunnelPort))).Dropped(CvReason.Flooded);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Errors_come_in_about_what_the_pod_has_sent_only(bool v6)
    {
        Packet sent = Packet.OfUdp(_a.At(v6, 40000), new(World.External(v6), 53)), never = sent with { SourcePort = 40001 };
        _world.FromPod(_a, sent).Passed();
        _world.ToPod(_a, Packet.OfIcmpError(World.Known(v6), _a.Address(v6), sent.Build())).Passed();
        _world.ToPod(_a, Packet.OfIcmpError(World.Known(v6), _a.Address(v6), never.Build())).Dropped(CvReason.ForeignError);
        _world.ToPod(_a, Packet.OfIcmpError(World.Known(v6), _a.Address(v6), (sent with { Source = _world.B.Address(v6) }).Build())).Dropped(CvReason.ForeignError);
        _world.ToPod(_a, Packet.OfIcmp(_a.Address(v6), _a.Address(v6), v6 ? (byte)128 : (byte)8)).Dropped(CvReason.SpoofedSource);
        _world.ToPod(_a, Packet.OfIcmp(World.External(v6), _a.Address(v6), v6 ? (byte)129 : (byte)0)).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_error_about_a_datagram_that_the_proxy_has_taken_goes_to_the_proxy(bool v6)
    {
        // What it has sent on in a client's name: an entry says so, and it is left to its socket.
        using IDisposable sockets = _world.OfferInside(Space);
        Workload c = _world.SetInside(World.Generation, _world.C, Space, CvAddressFlag.Proxy);
        Packet asked = Packet.OfUdp(External(v6), c.At(v6, WorldContent.HeaderPort));
        _world.ToPod(c, asked).Captured();
        _world.ToPod(c, Packet.OfIcmpError(World.Known(v6), c.Address(v6), asked.Reply().Build())).Captured();
    }

    [Theory, MemberData(nameof(Families))]
    public void Without_a_generation_or_an_endpoint_nothing_passes(bool v6, byte protocol)
    {
        Workload unknown = _world.B.Inside(OtherSpace);
        _world.ToPod(unknown, First(protocol, External(v6), unknown.At(v6, 80))).Dropped(CvReason.NoEndpoint);
        _world.FromPod(unknown, First(protocol, unknown.At(v6, 80), External(v6))).Dropped(CvReason.NoEndpoint);
        _world.Maps.Activate(0);
        _world.ToPod(_a, Asked(v6, protocol)).Dropped(CvReason.NoEndpoint);
        _world.FromPod(_a, Asked(v6, protocol).Reply()).Dropped(CvReason.NoEndpoint);
    }

    // A reset goes out by the pod's link, as if the pod had said it.
    private static void Refused(Outcome outcome, CvReason reason, byte protocol)
    {
        if (protocol == Packet.Udp) outcome.Dropped(reason);
        else Assert.Equal(CvAbi.MarkReject, outcome.Reset(reason).Mark & CvAbi.MarkMask);
    }
}
