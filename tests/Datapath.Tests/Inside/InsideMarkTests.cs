using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Inside;

/// <summary>
/// Marks in a pod's own network namespace, where its processes may set them with CAP_NET_RAW. What is run here comes, as theirs does, with a socket that is not the proxy's.
/// </summary>
[Trait("Category", "Attack")]
public sealed class InsideMarkTests : IClassFixture<World>
{
    private const ushort Space = 5;
    private const uint OthersMark = 0x101;
    private readonly World _world;
    private readonly Workload _a;

    public InsideMarkTests(World world)
    {
        _world = world;
        _world.Reset();
        _a = _world.SetInside(World.Generation, _world.A, Space);
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    public static TheoryData<bool, byte, uint> Marks
    {
        get
        {
            TheoryData<bool, byte, uint> data = [];
            foreach (bool v6 in (bool[])[false, true])
            {
                foreach (byte protocol in (byte[])[Packet.Tcp, Packet.Udp])
                {
                    foreach (uint mark in (uint[])[CvAbi.MarkCapture, CvAbi.MarkProxy, CvAbi.MarkReject]) data.Add(v6, protocol, mark);
                }
            }
            return data;
        }
    }

    private Packet First(bool v6, byte protocol, IPAddress to) =>
        protocol == Packet.Tcp ? Packet.OfTcp(_a.At(v6, 40000), new(to, 80), TcpFlags.Syn) : Packet.OfUdp(_a.At(v6, 40000), new(to, 80));

    [Theory, MemberData(nameof(Marks))]
    public void Attack_no_mark_leads_past_policy_or_the_proxy(bool v6, byte protocol, uint mark)
    {
        using IDisposable sockets = _world.OfferInside(Space);
        _world.SetEgressPolicy(World.Generation, _a, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
        _world.SetEgressPolicy(World.Generation, _a, 30, CvReason.None);
        foreach (Packet packet in Beginnings(First(v6, protocol, World.External(v6)))) Assert.Equal([CvReason.NetworkPolicyEgress], _world.FromPod(_a, packet, mark: mark | OthersMark).Drops);
        foreach (Packet packet in Beginnings(First(v6, protocol, World.Remote(v6)))) _world.FromPod(_a, packet, mark: mark | OthersMark).Looped();
        foreach (Packet packet in Beginnings(First(v6, protocol, World.External(v6)))) _world.FromPod(_a, packet with { Source = _world.B.Address(v6) }, mark: mark).Dropped(CvReason.SpoofedSource);
    }

    [Theory, MemberData(nameof(Marks))]
    public void Attack_marks_of_ours_are_taken_off_and_others_stay(bool v6, byte protocol, uint mark)
    {
        Assert.Equal(OthersMark, _world.FromPod(_a, First(v6, protocol, World.External(v6)), mark: mark | OthersMark).Passed().Mark);
        Assert.Equal(OthersMark, _world.ToPod(_a, First(v6, protocol, World.External(v6)).Reply(TcpFlags.Syn | TcpFlags.Ack), mark: mark == CvAbi.MarkReject ? OthersMark : mark | OthersMark).Passed().Mark);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void With_the_proxys_mark_alone_pass_only_segments_that_carry_nothing_and_begin_nothing(bool v6)
    {
        Packet syn = First(v6, Packet.Tcp, World.Remote(v6));
        foreach (TcpFlags flags in (TcpFlags[])[TcpFlags.Syn | TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Rst, TcpFlags.Fin | TcpFlags.Ack]) _world.FromPod(_a, syn with { Flags = flags }, mark: CvAbi.MarkProxy).Passed();
        _world.FromPod(_a, syn, mark: CvAbi.MarkProxy).Dropped(CvReason.ProxyDown);
        _world.FromPod(_a, syn with { Flags = TcpFlags.Ack, Payload = [1] }, mark: CvAbi.MarkProxy).Dropped(CvReason.ProxyDown);
        _world.FromPod(_a, syn with { Flags = TcpFlags.Ack, MoreFragments = true, FragmentId = 77 }, mark: CvAbi.MarkProxy).Dropped(CvReason.NotAConnection);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_the_proxys_mark_lets_no_segment_leave_in_anothers_name(bool v6)
    {
        Packet reset = Packet.OfTcp(_world.B.At(v6, 80), new(World.External(v6), 443), TcpFlags.Rst);
        foreach (IPAddress source in (IPAddress[])[_world.B.Address(v6), World.Remote(v6), World.Node(v6), World.Known(v6)])
        {
            foreach (TcpFlags flags in (TcpFlags[])[TcpFlags.Rst, TcpFlags.Rst | TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Syn | TcpFlags.Ack])
                _world.FromPod(_a, reset with { Source = source, Flags = flags }, mark: CvAbi.MarkProxy).Dropped(CvReason.SpoofedSource);
        }
        _world.Maps.Activate(0);
        _world.FromPod(_a, reset with { Source = _a.Address(v6) }, mark: CvAbi.MarkProxy).Dropped(CvReason.NoEndpoint);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_the_mark_of_our_resets_is_not_believed_of_a_socket(bool v6)
    {
        Packet reset = First(v6, Packet.Tcp, World.Remote(v6)) with { Flags = TcpFlags.Rst };
        _world.FromPod(_a, reset, mark: CvAbi.MarkReject).Dropped(CvReason.NotAConnection);
        _world.FromPod(_a, reset with { Source = _world.B.Address(v6) }, mark: CvAbi.MarkReject).Dropped(CvReason.SpoofedSource);
        _world.FromPod(_a, reset with { Flags = TcpFlags.Syn | TcpFlags.Ack }, mark: CvAbi.MarkReject).Reset(CvReason.NotAConnection);
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_marks_that_come_in_lead_past_nothing(bool v6, byte protocol)
    {
        // Those of a program at the other end of the link which redirects what it sees, and for which they mean something else.
        _world.SetPod(World.Generation, _a, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        Packet asked = First(v6, protocol, World.External(v6)).Reply(TcpFlags.Syn);
        foreach (uint mark in (uint[])[CvAbi.MarkCapture, CvAbi.MarkProxy, CvAbi.MarkReject])
        {
            foreach (Packet packet in Beginnings(asked))
            {
                Outcome outcome = _world.ToPod(_a, packet, mark: mark);
                Assert.Equal([CvReason.StrictMtls], outcome.Drops);
                Assert.NotEqual(Outcome.Ok, outcome.Code);
            }
        }
        // Our own answers have no more in them than this.
        _world.ToPod(_a, asked with { Protocol = Packet.Tcp, Flags = TcpFlags.Rst | TcpFlags.Ack, Payload = [] }, mark: CvAbi.MarkReject).Passed();
        _world.ToPod(_a, Packet.OfIcmpError(World.External(v6), _a.Address(v6), asked.Reply().Build()), mark: CvAbi.MarkReject).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Neighbours_and_what_is_not_the_meshs_pass_but_for_what_only_routers_say(bool v6)
    {
        _world.FromPod(_a, First(v6, Packet.Udp, World.External(v6)) with { EtherType = 0x0806 }).Passed();
        if (!v6) return;
        IPAddress own = IPAddress.Parse("fe80::1"), all = IPAddress.Parse("ff02::1");
        _world.FromPod(_a, Packet.OfIcmp(own, all, 135) with { HopLimit = 255 }).Passed();
        _world.ToPod(_a, Packet.OfIcmp(own, all, 134) with { HopLimit = 255 }).Passed();
        foreach (byte type in (byte[])[134, 137]) _world.FromPod(_a, Packet.OfIcmp(own, all, type) with { HopLimit = 255 }).Dropped(CvReason.NeighbourScope);
    }

    // What begins something, or carries something.
    private static IEnumerable<Packet> Beginnings(Packet first) =>
        first.Protocol == Packet.Tcp ? [first, first with { Flags = TcpFlags.Ack, Payload = Packet.Pattern(10) }] : [first];
}
