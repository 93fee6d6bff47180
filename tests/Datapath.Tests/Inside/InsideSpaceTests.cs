using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Inside;

/// <summary>What is known of packets in one network namespace is known there only; to the node, a pod that is captured inside its own is one of elsewhere.</summary>
public sealed class InsideSpaceTests : IClassFixture<World>
{
    private const ushort Space = 5, OtherSpace = 6;
    private const uint Uplink = 99;
    private readonly World _world;

    public InsideSpaceTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    // The same pod three times: whoever has the address, programs go by where they work.
    private Workload[] Places
    {
        get
        {
            Workload[] places = [_world.A, _world.A.Inside(Space), _world.A.Inside(OtherSpace)];
            foreach (Workload place in places) _world.SetPod(World.Generation, place, CvAddressFlag.Strict, CvEndpointFlag.Strict);
            return places;
        }
    }

    private static Packet First(byte protocol, IPEndPoint from, IPEndPoint to) => protocol == Packet.Tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to);

    [Theory, MemberData(nameof(Families))]
    public void The_same_addresses_and_ports_are_another_flow_in_each_space(bool v6, byte protocol)
    {
        Packet first = First(protocol, _world.A.At(v6, 40000), new(World.External(v6), 443));
        foreach (Workload place in Places)
        {
            _world.FromPod(place, first).Passed().Single(CvEventType.New);
            CvFlow flow = _world.Maps.Flow(Abi.Key(first, place.Space))!.Value, answers = _world.Maps.Flow(Abi.Key(first.Reply(), place.Space))!.Value;
            Assert.Equal((place.Index, place.Index), (flow.InIfindex, answers.Ifindex));
            Assert.Equal((1ul, 0ul), (flow.Packets, answers.Packets));
        }
        Assert.Equal(6, _world.Maps.Flows.ToList().Count);
        foreach (Workload place in Places) Assert.Equal(1ul, _world.Maps.Usages.ToList().Single(u => u.Key == place.Index).Value.Made);
    }

    [Theory, MemberData(nameof(Families))]
    [Trait("Category", "Attack")]
    public void Attack_an_entry_lets_nothing_pass_in_another_space(bool v6, byte protocol)
    {
        Packet first = First(protocol, _world.A.At(v6, 40000), new(World.External(v6), 443)), answer = first.Reply(TcpFlags.Ack);
        foreach (Workload place in Places)
        {
            _world.Maps.Flows.Clear();
            _world.FromPod(place, first).Passed();
            foreach (Workload other in Places.Where(p => p != place))
            {
                // The address is the last one's, as far as anybody else asks.
                Workload owner = other;
                _world.SetPod(World.Generation, owner, CvAddressFlag.Strict, CvEndpointFlag.Strict);
                Assert.Equal([CvReason.StrictMtls], _world.ToPod(owner, answer, Uplink).Drops);
            }
            Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        }
    }

    [Theory, MemberData(nameof(Families))]
    [Trait("Category", "Attack")]
    public void Attack_what_was_let_in_in_one_space_is_not_answered_in_another(bool v6, byte protocol)
    {
        Packet first = First(protocol, new(World.External(v6), 50000), _world.A.At(v6, 80));
        Workload a = _world.SetInside(World.Generation, _world.A, Space);
        _world.ToPod(a, first).Passed();
        Workload moved = _world.SetInside(World.Generation, _world.A, OtherSpace);
        _world.SetEgressPolicy(World.Generation, moved, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
        Assert.Equal([CvReason.NetworkPolicyEgress], _world.FromPod(moved, first.Reply(TcpFlags.Ack)).Drops);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_session_is_its_spaces(bool v6)
    {
        using IDisposable five = _world.OfferInside(Space), six = _world.OfferInside(OtherSpace);
        Packet datagram = Packet.OfUdp(_world.A.At(v6, 40000), new(World.Remote(v6), 53));
        Workload[] places = Places;
        _world.FromPod(places[1], datagram).Looped();
        Assert.NotNull(_world.Maps.Session(Abi.Key(datagram, Space)));
        Assert.Null(_world.Maps.Session(Abi.Key(datagram)));
        Assert.Null(_world.Maps.Session(Abi.Key(datagram, OtherSpace)));
        // Where configuration leaves that port alone, a session of the other space draws nothing to the proxy.
        _world.ExcludePort(World.Generation, 53);
        _world.FromPod(places[2], datagram).Passed();
        _world.FromPod(places[0], datagram).Passed();
        _world.FromPod(places[1], datagram).Looped();
        // Nor does an error about it.
        Packet error = Packet.OfIcmpError(World.Known(v6), _world.A.Address(v6), datagram.Reply().Build());
        Assert.NotEqual(CvAbi.MarkCapture, _world.ToPod(places[2], error).Mark & CvAbi.MarkMask);
    }

    [Theory, MemberData(nameof(Families))]
    public void To_pods_of_the_node_one_that_is_captured_inside_is_reached_by_the_proxy_only(bool v6, byte protocol)
    {
        Workload b = _world.SetInside(World.Generation, _world.B, OtherSpace);
        foreach (CvDirect direct in (CvDirect[])[CvDirect.Redirect, CvDirect.HostStack])
        {
            _world.Maps.Direct = direct;
            _world.Maps.Activate(World.Generation);
            foreach (IPEndPoint to in (IPEndPoint[])[b.At(v6, 80), new(World.Vip(v6), WorldContent.ToB)])
                _world.FromPod(_world.A, First(protocol, _world.A.At(v6, 40000), to)).Dropped(CvReason.ProxyDown);
        }
        _world.Maps.Direct = CvDirect.Redirect;
        Assert.Empty(_world.Maps.Flows.ToList());
        _world.ToPod(_world.A, First(protocol, b.At(v6, 80), _world.A.At(v6, 80)), Uplink).Dropped(CvReason.SpoofedSource);
        _world.ToPod(_world.A, First(protocol, b.At(v6, 80), _world.A.At(v6, 80)), _world.B.Index).Dropped(CvReason.SpoofedSource);
        Assert.Equal([protocol == Packet.Tcp ? CvReason.TunnelPort : CvReason.ProxyDown], _world.FromPod(_world.A, First(protocol, _world.A.At(v6, 40000), b.At(v6, 15008))).Drops);
    }

    [Theory, MemberData(nameof(Families))]
    public void What_is_left_alone_passes_to_one_that_is_captured_inside_as_to_any_elsewhere(bool v6, byte protocol)
    {
        Workload b = _world.SetInside(World.Generation, _world.B, OtherSpace);
        _world.ExcludePort(World.Generation, 9100);
        Packet there = First(protocol, _world.A.At(v6, 40000), b.At(v6, 9100));
        _world.FromPod(_world.A, there).Passed();
        CvFlow flow = _world.Maps.Flow(Abi.Key(there))!.Value, answers = _world.Maps.Flow(Abi.Key(there.Reply()))!.Value;
        Assert.Equal((_world.A.Index, 0u, 0u), (flow.InIfindex, flow.Ifindex, answers.InIfindex));
        _world.ToPod(b, there).Passed();
        _world.FromPod(b, there.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed();
        _world.ToPod(_world.A, there.Reply(TcpFlags.Syn | TcpFlags.Ack), Uplink).Passed();
        Assert.Equal(4, _world.Maps.Flows.ToList().Count);
    }

    [Theory, MemberData(nameof(Families))]
    public void The_node_leaves_alone_what_is_for_one_that_is_captured_inside(bool v6, byte protocol)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Workload c = _world.SetInside(World.Generation, _world.C, OtherSpace, CvAddressFlag.Proxy | CvAddressFlag.Strict, CvEndpointFlag.Strict);
        Packet first = First(protocol, new(World.External(v6), 50000), c.At(v6, WorldContent.HeaderPort));
        foreach (Packet packet in (Packet[])[first, first with { DestinationPort = 15008 }, first with { DestinationPort = 7000 }, first with { FragmentId = 9, FragmentOffset = 24, MoreFragments = true }])
        {
            Assert.Equal(0u, _world.Run(Hook.FromNet, packet, _world.C.Index).Passed().Mark);
            Assert.Equal((Outcome.XdpPass, packet.Build().Length), (_world.Xdp(packet.Build(), _world.C.Index).Code, _world.Xdp(packet.Build(), _world.C.Index).Bytes.Length));
        }
        Assert.Empty(_world.Maps.Sessions.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void A_flow_that_went_straight_to_a_pod_does_not_follow_it_inside(bool v6, byte protocol)
    {
        Packet first = First(protocol, _world.A.At(v6, 40000), _world.B.At(v6, 80));
        _world.FromPod(_world.A, first).Redirected(_world.B);
        _world.FromPod(_world.B, first.Reply(TcpFlags.Syn | TcpFlags.Ack)).Redirected(_world.A);
        WorldContent.Fill(_world, World.Generation + 1);
        Workload b = _world.SetInside(World.Generation + 1, _world.B, OtherSpace);
        _world.Maps.Activate(World.Generation + 1);
        Assert.Equal([CvReason.ProxyDown], _world.FromPod(b, first.Reply()).Drops);
        Assert.Equal([CvReason.ProxyDown], _world.FromPod(_world.A, first with { Flags = TcpFlags.Ack }).Drops);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void A_flow_of_a_pod_does_not_follow_it_into_another_space(bool v6, byte protocol)
    {
        Packet first = First(protocol, _world.A.At(v6, 40000), new(World.External(v6), 443));
        Workload a = _world.SetInside(World.Generation, _world.A, Space);
        _world.FromPod(a, first).Passed();
        WorldContent.Fill(_world, World.Generation + 1);
        Workload moved = _world.SetInside(World.Generation + 1, _world.A, OtherSpace, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        _world.Maps.Activate(World.Generation + 1);
        Assert.Equal([CvReason.StrictMtls], _world.ToPod(moved, first.Reply(TcpFlags.Ack)).Drops);
        _world.ToPod(a, first.Reply(TcpFlags.Ack)).Dropped(CvReason.NoEndpoint);
        _world.FromPod(a, first with { Flags = TcpFlags.Ack }).Dropped(CvReason.NoEndpoint);
    }

    [Theory, MemberData(nameof(Families))]
    public void A_pods_share_of_flows_is_counted_for_its_space(bool v6, byte protocol)
    {
        Workload a = _world.SetInside(World.Generation, _world.A, Space), b = _world.SetInside(World.Generation, _world.B, OtherSpace);
        _world.SetMaxFlows(World.Generation, a, 2);
        for (int i = 0; i < 2; i++) _world.FromPod(a, First(protocol, a.At(v6, 40000 + i), new(World.External(v6), 443))).Passed();
        _world.FromPod(a, First(protocol, a.At(v6, 40002), new(World.External(v6), 443))).Dropped(CvReason.FlowQuota);
        _world.FromPod(b, First(protocol, b.At(v6, 40002), new(World.External(v6), 443))).Passed();
    }
}
