using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Flows between two pods of this node that are left to the kernel's own forwarding: decided, translated and counted as others, but not redirected.</summary>
public sealed class HostStackFlowTests : IClassFixture<World>
{
    private const uint Elsewhere = 99;
    private readonly World _world;

    public HostStackFlowTests(World world)
    {
        _world = world;
        Use(CvDirect.HostStack);
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    [Theory, InlineData(false, false), InlineData(false, true), InlineData(true, false), InlineData(true, true)]
    public void A_connection_is_forwarded_both_ways_and_told_of_twice(bool v6, bool service)
    {
        IPEndPoint client = _world.A.At(v6, 40000), asked = service ? Vip(v6) : Backend(v6);
        Packet a = Packet.OfTcp(client, asked, TcpFlags.Syn), b = Packet.OfTcp(Backend(v6), client, TcpFlags.Syn | TcpFlags.Ack);

        Outcome syn = _world.FromPod(_world.A, a).Passed();
        CvEvent started = syn.Single(CvEventType.New);
        Assert.Equal((byte)CvVerdict.Direct, started.Verdict);
        Assert.Equal((client, Backend(v6)), (syn.View.From, syn.View.To));
        Assert.Equal(syn.Bytes, Arrives(_world.B, _world.A, syn).Bytes);

        // What the node sees of the answer is the backend's: only the client is shown the Service.
        Outcome answer = _world.FromPod(_world.B, b).Passed();
        Assert.Equal((Backend(v6), client), (answer.View.From, answer.View.To));
        Assert.Equal((asked, client), (Arrives(_world.A, _world.B, answer).View.From, client));

        Exchange(_world.A, _world.B, a with { Flags = TcpFlags.Ack, Payload = Packet.Pattern(100) });
        Exchange(_world.A, _world.B, a with { Flags = TcpFlags.Fin | TcpFlags.Ack });
        CvEvent ended = Exchange(_world.B, _world.A, b with { Flags = TcpFlags.Fin | TcpFlags.Ack }).Single(CvEventType.Closed);
        Assert.Equal(started.Key, ended.Key);
        int header = v6 ? 60 : 40;
        Assert.Equal(((ulong)(3 * header) + 100, (ulong)(2 * header)), (ended.BytesOut, ended.BytesIn));
        Exchange(_world.A, _world.B, a with { Flags = TcpFlags.Ack });
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_reset_reaches_the_client_as_the_Services(bool v6)
    {
        IPEndPoint client = _world.A.At(v6, 40000);
        Exchange(_world.A, _world.B, Packet.OfTcp(client, Vip(v6), TcpFlags.Syn));
        Outcome reset = _world.FromPod(_world.B, Packet.OfTcp(Backend(v6), client, TcpFlags.Rst | TcpFlags.Ack)).Passed();
        Assert.Empty(reset.Events);
        Outcome arrived = Arrives(_world.A, _world.B, reset);
        arrived.Single(CvEventType.Closed);
        Assert.Equal(Vip(v6), arrived.View.From);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_end_that_somebody_drops_on_the_way_ends_nothing(bool v6)
    {
        IPEndPoint client = _world.A.At(v6, 40000);
        Exchange(_world.A, _world.B, Packet.OfTcp(client, Vip(v6), TcpFlags.Syn));
        Assert.Empty(_world.FromPod(_world.B, Packet.OfTcp(Backend(v6), client, TcpFlags.Rst | TcpFlags.Ack)).Passed().Events);
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
    }

    [Theory, MemberData(nameof(Families))]
    public void A_flow_keeps_the_way_that_it_began_with(bool v6, byte protocol)
    {
        _world.FromPod(_world.A, First(v6, protocol, Vip(v6))).Passed();
        Use(CvDirect.Redirect);
        _world.FromPod(_world.A, First(v6, protocol, Vip(v6), more: true)).Passed();
        _world.FromPod(_world.B, Answer(v6, protocol)).Passed();
        _world.FromPod(_world.A, First(v6, protocol, Vip(v6), 40001)).Redirected(_world.B);
        Use(CvDirect.HostStack);
        _world.FromPod(_world.A, First(v6, protocol, Vip(v6), 40001, more: true)).Redirected(_world.B);
        _world.FromPod(_world.B, Answer(v6, protocol, 40001)).Redirected(_world.A);
        _world.FromPod(_world.A, First(v6, protocol, Vip(v6), 40002)).Passed();

        // Policy is asked anew, the way is not.
        WorldContent.Fill(_world, World.Generation + 1);
        _world.Maps.Activate(World.Generation + 1);
        _world.FromPod(_world.A, First(v6, protocol, Vip(v6), 40001, more: true)).Redirected(_world.B);
        _world.FromPod(_world.A, First(v6, protocol, Vip(v6), more: true)).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_pod_may_be_left_out_while_others_are_redirected_to(bool v6)
    {
        Use(CvDirect.Redirect);
        _world.SetPod(World.Generation, _world.B, CvAddressFlag.HostStack, CvEndpointFlag.HostStack);
        _world.FromPod(_world.A, First(v6, Packet.Tcp, Backend(v6))).Passed();
        _world.FromPod(_world.B, Packet.OfTcp(_world.B.At(v6, 40000), _world.A.At(v6, 80), TcpFlags.Syn)).Passed();
        _world.SetPod(World.Generation, _world.C);
        _world.FromPod(_world.A, Packet.OfTcp(_world.A.At(v6, 40000), _world.C.At(v6, 80), TcpFlags.Syn)).Redirected(_world.C);
    }

    [Theory, MemberData(nameof(Families))]
    [Trait("Category", "Attack")]
    public void Attack_the_flow_is_believed_from_its_own_veth_only(bool v6, byte protocol)
    {
        Outcome first = _world.FromPod(_world.A, First(v6, protocol, Backend(v6))).Passed();
        foreach (uint other in (uint[])[Elsewhere, _world.C.Index, 0])
        {
            _world.Run(Hook.ToPod, first.Bytes, _world.B.Index, other).Dropped(CvReason.SpoofedSource);
        }
    }

    [Theory, MemberData(nameof(Families))]
    [Trait("Category", "Attack")]
    public void Attack_what_was_let_out_last_lets_in_nothing_from_or_to_elsewhere(bool v6, byte protocol)
    {
        Begin(v6, protocol);
        Outcome sent = _world.FromPod(_world.A, First(v6, protocol, Backend(v6), more: true)).Passed();
        foreach (uint other in (uint[])[Elsewhere, _world.C.Index, 0])
        {
            _world.Run(Hook.ToPod, sent.Bytes, _world.B.Index, other).Dropped(CvReason.SpoofedSource);
        }
        _world.Run(Hook.ToPod, sent.Bytes, _world.C.Index, _world.A.Index).Dropped(CvReason.Flooded);
        Arrives(_world.B, _world.A, sent);
    }

    [Theory, MemberData(nameof(Families))]
    [Trait("Category", "Attack")]
    public void Attack_a_packet_under_way_when_policy_changes_is_refused_when_it_arrives(bool v6, byte protocol)
    {
        Begin(v6, protocol);
        Outcome sent = _world.FromPod(_world.A, First(v6, protocol, Backend(v6), more: true)).Passed();
        Arrives(_world.B, _world.A, sent);
        WorldContent.Fill(_world, World.Generation + 1);
        _world.SetPolicy(World.Generation + 1, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        _world.Maps.Activate(World.Generation + 1);
        Assert.Equal([CvReason.PolicyDeny], _world.Run(Hook.ToPod, sent.Bytes, _world.B.Index, _world.A.Index).Drops);
    }

    [Theory, MemberData(nameof(Families))]
    public void An_answer_that_has_the_addresses_of_an_older_flow_still_comes_from_the_Service(bool v6, byte protocol)
    {
        Begin(v6, protocol);
        Packet more = protocol == Packet.Tcp ? Packet.OfTcp(Backend(v6), _world.A.At(v6, 40000), TcpFlags.Ack) : Answer(v6, protocol);
        Exchange(_world.B, _world.A, more);
        _world.Maps.Flows.Clear();

        Exchange(_world.A, _world.B, First(v6, protocol, Vip(v6)));
        Exchange(_world.B, _world.A, Answer(v6, protocol));
        Assert.Equal(Vip(v6), Exchange(_world.B, _world.A, more).View.From);
    }

    [Theory, MemberData(nameof(Families))]
    public void A_flow_was_last_seen_not_long_ago(bool v6, byte protocol)
    {
        Begin(v6, protocol);
        ulong before = _world.Maps.Flows.ToList().Max(flow => flow.Value.LastNs);
        Thread.Sleep(50); // several ticks of the kernel
        Exchange(_world.A, _world.B, First(v6, protocol, Backend(v6), more: true));
        Assert.InRange(_world.Maps.Flows.ToList().Max(flow => flow.Value.LastNs) - before, 1_000_000UL, 10_000_000_000UL);
    }

    [Theory, MemberData(nameof(Families))]
    public void An_error_about_a_Services_flow_comes_from_the_Service(bool v6, byte protocol)
    {
        Outcome there = _world.FromPod(_world.A, First(v6, protocol, Vip(v6))).Passed();
        Outcome error = _world.FromPod(_world.B, Packet.OfIcmpError(_world.B.Address(v6), _world.A.Address(v6), there.Bytes)).Passed();
        Assert.Equal(_world.B.Address(v6), error.View.Source);
        Outcome arrived = Arrives(_world.A, _world.B, error);
        Assert.Equal((Vip(v6).Address, _world.A.Address(v6)), (arrived.View.Source, arrived.View.Destination));
        Assert.Equal((_world.A.At(v6, 40000), Vip(v6)), (arrived.View.Quoted.From, arrived.View.Quoted.To));
    }

    [Theory, MemberData(nameof(Families))]
    public void An_error_about_a_Services_answer_reaches_the_backend(bool v6, byte protocol)
    {
        _world.FromPod(_world.A, First(v6, protocol, Vip(v6))).Passed();
        Outcome answer = Arrives(_world.A, _world.B, _world.FromPod(_world.B, Answer(v6, protocol)).Passed());
        Outcome error = _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), Vip(v6).Address, answer.Bytes)).Passed();
        Outcome arrived = Arrives(_world.B, _world.A, error);
        Assert.Equal((_world.A.Address(v6), Backend(v6).Address), (arrived.View.Source, arrived.View.Destination));
        Assert.Equal((Backend(v6), _world.A.At(v6, 40000)), (arrived.View.Quoted.From, arrived.View.Quoted.To));
        _world.Run(Hook.ToPod, error.Bytes, _world.B.Index, _world.C.Index).Dropped(CvReason.SpoofedSource);
    }

    private static IPEndPoint Vip(bool v6) => new(World.Vip(v6), WorldContent.ToB);

    private IPEndPoint Backend(bool v6) => _world.B.At(v6, WorldContent.BackendPort);

    private void Use(CvDirect direct)
    {
        _world.Maps.Direct = direct;
        _world.Maps.Activate(World.Generation);
    }

    // A flow whose both sides have spoken.
    private void Begin(bool v6, byte protocol)
    {
        Exchange(_world.A, _world.B, First(v6, protocol, Backend(v6)));
        Exchange(_world.B, _world.A, Answer(v6, protocol));
        Exchange(_world.A, _world.B, First(v6, protocol, Backend(v6), more: true));
    }

    // Out of one pod, forwarded, into the other.
    private Outcome Exchange(Workload from, Workload to, Packet packet) => Arrives(to, from, _world.FromPod(from, packet).Passed());

    private Outcome Arrives(Workload to, Workload from, Outcome sent) => _world.Run(Hook.ToPod, sent.Bytes, to.Index, from.Index).Passed();

    private Packet First(bool v6, byte protocol, IPEndPoint to, int port = 40000, bool more = false) => protocol == Packet.Tcp
        ? Packet.OfTcp(_world.A.At(v6, port), to, more ? TcpFlags.Ack : TcpFlags.Syn)
        : Packet.OfUdp(_world.A.At(v6, port), to);

    private Packet Answer(bool v6, byte protocol, int port = 40000) => protocol == Packet.Tcp
        ? Packet.OfTcp(Backend(v6), _world.A.At(v6, port), TcpFlags.Syn | TcpFlags.Ack)
        : Packet.OfUdp(Backend(v6), _world.A.At(v6, port));
}
