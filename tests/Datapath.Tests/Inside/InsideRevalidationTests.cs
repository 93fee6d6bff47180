using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Inside;

/// <summary>What a new generation does to the flows of a pod that is captured inside its network namespace.</summary>
public sealed class InsideRevalidationTests : IClassFixture<World>
{
    private const ushort Space = 5;
    private const uint Next = World.Generation + 1;
    private readonly World _world;
    private readonly Workload _a;

    public InsideRevalidationTests(World world)
    {
        _world = world;
        _world.Reset();
        _a = _world.SetInside(World.Generation, _world.A, Space);
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private static IPEndPoint External(bool v6) => new(World.External(v6), 443);

    private static Packet First(byte protocol, IPEndPoint from, IPEndPoint to) => protocol == Packet.Tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to);

    private void Renew(CvAddressFlag flags = 0, CvEndpointFlag endpoint = 0)
    {
        WorldContent.Fill(_world, Next);
        _world.SetInside(Next, _world.A, Space, flags, endpoint);
    }

    [Theory, MemberData(nameof(Families))]
    public void What_may_go_on_goes_on_and_is_of_the_new_generation(bool v6, byte protocol)
    {
        Packet outwards = First(protocol, _a.At(v6, 40000), External(v6)), inwards = First(protocol, External(v6), _a.At(v6, 80));
        _world.FromPod(_a, outwards).Passed();
        _world.ToPod(_a, inwards).Passed();
        Renew();
        _world.Maps.Activate(Next);
        Assert.Empty(_world.ToPod(_a, outwards.Reply()).Passed().Events);
        Assert.Empty(_world.FromPod(_a, inwards.Reply()).Passed().Events);
        Assert.Equal(4, _world.Maps.Flows.ToList().Count(f => f.Value.Generation == Next));
    }

    [Theory, InlineData(false, false), InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public void A_connection_that_is_refused_now_is_reset_at_both_its_ends(bool v6, bool fromPod)
    {
        Packet syn = First(Packet.Tcp, External(v6), _a.At(v6, 80));
        _world.ToPod(_a, syn).Passed();
        Renew(CvAddressFlag.Strict, CvEndpointFlag.Strict);
        _world.Maps.Activate(Next);
        ulong before = _world.Maps.Counter(CvCounter.RejectSent);
        Packet packet = (fromPod ? syn.Reply() : syn with { Flags = TcpFlags.Ack }) with { Payload = Packet.Pattern(100) };
        Outcome outcome = fromPod ? _world.FromPod(_a, packet) : _world.ToPod(_a, packet);
        outcome.Reset(CvReason.StrictMtls);
        // One goes on in the place of the packet, one back.
        Assert.Equal(before + 2, _world.Maps.Counter(CvCounter.RejectSent));
        Assert.Equal((packet.Destination, packet.Source, CvAbi.MarkReject), (outcome.View.Source, outcome.View.Destination, outcome.Mark & CvAbi.MarkMask));
        Assert.True(World.PodMac.SequenceEqual(outcome.View.DestinationMac));
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false, false), InlineData(true, false), InlineData(false, true), InlineData(true, true)]
    public void Policy_that_does_not_let_it_out_any_more_ends_it_from_either_side(bool v6, bool fromPod)
    {
        Packet syn = First(Packet.Tcp, _a.At(v6, 40000), External(v6));
        _world.FromPod(_a, syn).Passed();
        Renew();
        _world.SetEgressPolicy(Next, _a, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
        _world.Maps.Activate(Next);
        ulong before = _world.Maps.Counter(CvCounter.RejectSent);
        (fromPod ? _world.FromPod(_a, syn with { Flags = TcpFlags.Ack }) : _world.ToPod(_a, syn.Reply())).Reset(CvReason.NetworkPolicyEgress);
        Assert.Equal(before + 2, _world.Maps.Counter(CvCounter.RejectSent));
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Refused_datagrams_keep_their_entries_and_are_refused_from_both_sides(bool v6)
    {
        Packet asked = First(Packet.Udp, External(v6), _a.At(v6, 80));
        _world.ToPod(_a, asked).Passed();
        _world.FromPod(_a, asked.Reply()).Passed();
        Renew();
        _world.SetPolicy(Next, _a, CvAbi.ClassAny, 0, CvReason.PolicyNoAllow);
        _world.Maps.Activate(Next);
        for (int i = 0; i < 2; i++)
        {
            _world.FromPod(_a, asked.Reply()).Dropped(CvReason.PolicyNoAllow);
            _world.ToPod(_a, asked).Dropped(CvReason.PolicyNoAllow);
        }
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
    }

    [Theory, MemberData(nameof(Families))]
    public void When_the_other_end_has_come_into_the_mesh_datagrams_go_to_the_proxy_and_connections_stay(bool v6, byte protocol)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        Packet first = First(protocol, _a.At(v6, 40000), External(v6));
        _world.FromPod(_a, first).Passed();
        Renew();
        _world.SetAddress(Next, World.External(v6), new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 40, AnonClass = 41 });
        _world.Maps.Offer(Next);
        Outcome outcome = _world.FromPod(_a, first with { Flags = TcpFlags.Ack });
        if (protocol == Packet.Tcp) outcome.Passed();
        else outcome.Looped();
        outcome = _world.ToPod(_a, first.Reply());
        if (protocol == Packet.Tcp) outcome.Passed();
        else outcome.Dropped(CvReason.SpoofedSource);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void When_a_pod_of_the_node_has_the_address_now_it_is_one_of_elsewhere_all_the_same(bool v6)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        Workload late = _world.B with { Address4 = World.External(false), Address6 = World.External(true) };
        Packet asked = First(Packet.Udp, External(v6), _a.At(v6, 80));
        _world.ToPod(_a, asked).Passed();
        Renew();
        _world.SetPod(Next, late);
        _world.Maps.Offer(Next);
        _world.ToPod(_a, asked).Dropped(CvReason.SpoofedSource);
        _world.FromPod(_a, asked.Reply()).Looped();
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_session_of_an_older_generation_is_decided_anew(bool v6)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        Packet datagram = First(Packet.Udp, _a.At(v6, 40000), new(World.Remote(v6), 53));
        _world.FromPod(_a, datagram).Looped();
        Renew();
        _world.SetEgressPolicy(Next, _a, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
        _world.Maps.Offer(Next);
        _world.FromPod(_a, datagram).Dropped(CvReason.NetworkPolicyEgress);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_end_of_a_connection_takes_its_entries_out(bool v6)
    {
        Packet syn = First(Packet.Tcp, External(v6), _a.At(v6, 80)) with { Sequence = 100 };
        _world.ToPod(_a, syn).Passed();
        _world.FromPod(_a, syn.Reply(TcpFlags.Syn | TcpFlags.Ack) with { Sequence = 900, Acknowledgement = 101 }).Passed();
        _world.ToPod(_a, syn with { Flags = TcpFlags.Ack, Sequence = 101, Acknowledgement = 901 }).Passed();
        _world.ToPod(_a, syn with { Flags = TcpFlags.Rst, Sequence = 77_777_777 }).Passed();
        Assert.Equal(2, _world.Maps.Flows.ToList().Count); // nothing that the pod has acknowledged: it may be anyone's
        CvEvent closed = _world.FromPod(_a, syn.Reply(TcpFlags.Rst | TcpFlags.Ack) with { Sequence = 901, Acknowledgement = 101 }).Passed().Single(CvEventType.Closed);
        Assert.Equal((_a.Index, (ushort)Space), (closed.Ifindex, closed.Key.Space));
        Assert.Empty(_world.Maps.Flows.ToList());
    }
}
