using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>What becomes of the first packet of a flow out of a pod, by its destination.</summary>
public sealed class FromPodDecisionTests : IClassFixture<World>
{
    private readonly World _world;

    public FromPodDecisionTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => new() { { false, Packet.Tcp }, { true, Packet.Tcp }, { false, Packet.Udp }, { true, Packet.Udp } };

    private static IPEndPoint Vip(bool v6, int port) => new(World.Vip(v6), port);

    private Packet First(bool v6, byte protocol, IPEndPoint to) =>
        protocol == Packet.Tcp ? Packet.OfTcp(_world.A.At(v6, 40000), to, TcpFlags.Syn) : Packet.OfUdp(_world.A.At(v6, 40000), to);

    [Theory, MemberData(nameof(Families))]
    public void A_destination_outside_the_mesh_passes_and_its_answers_come_in(bool v6, byte protocol)
    {
        Packet first = First(v6, protocol, new(World.External(v6), 443));
        CvEvent e = _world.FromPod(_world.A, first).Passed().Single(CvEventType.New);
        Assert.Equal(((byte)CvVerdict.Pass, (byte)CvFlowFlag.Outbound), (e.Verdict, e.Flags));
        CvFlow answer = _world.Maps.Flow(Abi.Key(new(World.External(v6), 443), _world.A.At(v6, 40000), protocol))!.Value;
        Assert.Equal((byte)(CvFlowFlag.Outbound | CvFlowFlag.Reply), answer.Flags);
        _world.SetPod(World.Generation, _world.A, endpoint: CvEndpointFlag.Strict);
        Assert.Empty(_world.ToPod(_world.A, first.Reply(TcpFlags.Syn | TcpFlags.Ack), ingress: 99).Passed().Events);
        Assert.Equal(1ul, _world.Maps.Flow(Abi.Key(new(World.External(v6), 443), _world.A.At(v6, 40000), protocol))!.Value.Packets);
    }

    [Theory, MemberData(nameof(Families))]
    public void Excluded_and_node_addresses_pass(bool v6, byte protocol)
    {
        _world.FromPod(_world.A, First(v6, protocol, new(World.Excluded(v6), 80))).Passed();
        _world.FromPod(_world.A, First(v6, protocol, new(World.Node(v6), 80))).Passed();
        Assert.Equal(4, _world.Maps.Flows.ToList().Count);
    }

    [Theory, MemberData(nameof(Families))]
    public void An_excluded_port_is_left_alone_out_of_and_into_pods(bool v6, byte protocol)
    {
        _world.ExcludePort(World.Generation, 9100);
        CvEvent e = _world.FromPod(_world.A, First(v6, protocol, _world.B.At(v6, 9100))).Passed().Single(CvEventType.New);
        Assert.Equal(((byte)CvVerdict.Pass, (byte)CvFlowFlag.Outbound), (e.Verdict, e.Flags));
        _world.SetPod(World.Generation, _world.C, endpoint: CvEndpointFlag.Strict);
        IPEndPoint external = new(World.External(v6), 50000);
        Packet scrape = protocol == Packet.Tcp ? Packet.OfTcp(external, _world.C.At(v6, 9100), TcpFlags.Syn) : Packet.OfUdp(external, _world.C.At(v6, 9100));
        _world.ToPod(_world.C, scrape, ingress: 99).Passed();
        _world.FromPod(_world.C, scrape.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed();
        Packet other = protocol == Packet.Tcp ? Packet.OfTcp(external, _world.C.At(v6, 9101), TcpFlags.Syn) : Packet.OfUdp(external, _world.C.At(v6, 9101));
        Assert.Equal([CvReason.StrictMtls], _world.ToPod(_world.C, other, ingress: 99).Drops);
    }

    [Theory, MemberData(nameof(Families))]
    public void An_excluded_port_is_left_alone_everywhere_and_over_generations(bool v6, byte protocol)
    {
        void Exclude(uint generation)
        {
            WorldContent.Fill(_world, generation);
            _world.SetPod(generation, _world.B, CvAddressFlag.Strict, CvEndpointFlag.Strict);
            _world.SetPolicy(generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
            _world.Maps.Services.Set(new CvServiceKey { Generation = generation, Port = 9, Proto = protocol }, new CvService { Flags = (uint)CvServiceFlag.Excluded });
            _world.Maps.Activate(generation);
        }

        Exclude(World.Generation);
        Packet there = First(v6, protocol, _world.B.At(v6, 9)), external = there with { Source = World.External(v6) };
        _world.FromPod(_world.A, there).Passed().Single(CvEventType.New);
        _world.ToPod(_world.B, there, _world.A.Index).Passed();
        _world.ToPod(_world.B, external, 99).Passed().Single(CvEventType.New);
        Exclude(World.Generation + 1);
        Assert.Empty(_world.FromPod(_world.B, there.Reply()).Passed().Events);
        Assert.Empty(_world.FromPod(_world.A, there with { Flags = TcpFlags.Ack }).Passed().Events);
        Assert.Empty(_world.FromPod(_world.B, external.Reply()).Passed().Events);
        Assert.Empty(_world.ToPod(_world.B, external with { Flags = TcpFlags.Ack }, 99).Passed().Events);
        Assert.Equal([CvReason.PolicyDeny], _world.FromPod(_world.A, there with { DestinationPort = 10 }).Drops);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_answers_to_a_probe_pass_without_an_entry(bool v6)
    {
        Packet probe = Packet.OfTcp(new(World.Node(v6), 50000), _world.A.At(v6, 80), TcpFlags.Syn);
        _world.FromPod(_world.A, probe.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed();
        _world.FromPod(_world.A, probe.Reply() with { Payload = Packet.Pattern(10) }).Passed();
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void What_needs_the_proxy_is_dropped_silently_while_there_is_none(bool v6, byte protocol)
    {
        foreach (IPEndPoint to in (IPEndPoint[])[new(World.Remote(v6), 80), _world.C.At(v6, 80), Vip(v6, WorldContent.ToRemote), Vip(v6, WorldContent.ToSelf), Vip(v6, WorldContent.Forced)])
            Assert.Equal((byte)CvReason.ProxyDown, _world.FromPod(_world.A, First(v6, protocol, to)).Dropped(CvReason.ProxyDown).Single(CvEventType.Dropped).Reason);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_a_service_leads_out_of_the_mesh_is_translated_both_ways(bool v6)
    {
        IPEndPoint client = _world.A.At(v6, 40000), vip = Vip(v6, WorldContent.ToExternal), backend = new(World.External(v6), WorldContent.BackendPort);
        foreach ((Packet request, Packet answer) in new[]
        {
            (Packet.OfUdp(client, vip), Packet.OfUdp(backend, client)),
            (Packet.OfTcp(client, vip, TcpFlags.Syn), Packet.OfTcp(backend, client, TcpFlags.Syn | TcpFlags.Ack)),
        })
        {
            Outcome there = _world.FromPod(_world.A, request).Passed();
            Assert.Equal((client, backend), (there.View.From, there.View.To));
            Outcome back = _world.ToPod(_world.A, answer, ingress: 99).Passed();
            Assert.Equal((vip, client), (back.View.From, back.View.To));
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_client_keeps_its_backend_outside_the_mesh_where_the_service_asks_for_it(bool v6)
    {
        IPAddress[] backends = [.. Enumerable.Range(1, 16).Select(i => IPAddress.Parse(v6 ? $"2001:db8:9::{i:x}" : $"198.51.100.{i}"))];
        _world.SetService(World.Generation, v6, 99, 21, CvServiceFlag.SourceHash, backends);
        _world.SetService(World.Generation, v6, 98, 22, 0, backends);
        Assert.Single(ByPort(99));
        Assert.InRange(ByPort(98).Count, 4, backends.Length);

        HashSet<IPAddress> ByPort(int port) =>
            [.. Enumerable.Range(0, 30).Select(i => _world.FromPod(_world.A, Packet.OfTcp(_world.A.At(v6, (port * 100) + i), new IPEndPoint(World.Vip(v6), port), TcpFlags.Syn)).Passed().View.To.Address)];
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_listener_that_cannot_be_assigned_is_a_reason_of_its_own(bool v6)
    {
        // A test run is not at the ingress hook, where alone a socket can be assigned.
        using System.Net.Sockets.Socket listener = _world.Listen(v6);
        uint kind = (uint)CvListenerKind.Out4 + (v6 ? 1u : 0);
        _world.Maps.Listeners.SetDescriptor(kind * CvAbi.MaxListeners, listener.SafeHandle);
        _world.Maps.Activate(World.Generation, 1, 1);
        _world.FromPod(_world.A, First(v6, Packet.Tcp, new(World.Remote(v6), 80))).Dropped(CvReason.AssignFailed);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Neither_a_synack_nor_a_reset_starts_a_proxied_connection(bool v6)
    {
        Packet syn = First(v6, Packet.Tcp, new(World.Remote(v6), 80));
        _world.FromPod(_world.A, syn with { Flags = TcpFlags.Syn | TcpFlags.Ack }).Reset(CvReason.NotAConnection);
        _world.FromPod(_world.A, syn with { Flags = TcpFlags.Rst }).Dropped(CvReason.NotAConnection);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Datagrams_to_a_service_here_are_translated_both_ways(bool v6)
    {
        IPEndPoint client = _world.A.At(v6, 40000), vip = Vip(v6, WorldContent.ToB), backend = _world.B.At(v6, WorldContent.BackendPort);
        Assert.Equal(backend, _world.FromPod(_world.A, Packet.OfUdp(client, vip)).Redirected(_world.B).View.To);
        Assert.Equal(vip, _world.FromPod(_world.B, Packet.OfUdp(backend, client)).Redirected(_world.A).View.From);
    }

    [Fact]
    public void A_datagram_without_a_sum_stays_without_one()
    {
        Packet datagram = Packet.OfUdp(_world.A.At(false, 40000), Vip(false, WorldContent.ToB)) with { NoUdpChecksum = true };
        Assert.Equal(0, _world.FromPod(_world.A, datagram).Redirected(_world.B).View.UdpChecksum);
    }

    [Theory, MemberData(nameof(Families))]
    public void A_port_that_the_service_does_not_have_is_refused(bool v6, byte protocol) => Refused(First(v6, protocol, Vip(v6, 9)), CvReason.NoServicePort);

    [Theory, MemberData(nameof(Families))]
    public void A_service_without_backends_is_refused(bool v6, byte protocol) => Refused(First(v6, protocol, Vip(v6, WorldContent.ToNobody)), CvReason.NoBackend);

    [Theory, InlineData(false), InlineData(true)]
    public void The_tunnel_port_is_not_for_pods(bool v6)
    {
        _world.FromPod(_world.A, First(v6, Packet.Tcp, new(World.Remote(v6), 15008))).Reset(CvReason.TunnelPort);
        _world.FromPod(_world.A, First(v6, Packet.Tcp, _world.B.At(v6, 15008))).Reset(CvReason.TunnelPort);
    }

    [Theory, MemberData(nameof(Families))]
    public void A_pod_that_speaks_to_itself_is_left_alone(bool v6, byte protocol) => _world.FromPod(_world.A, First(v6, protocol, _world.A.At(v6, 80))).Passed();

    [Theory, InlineData(false), InlineData(true)]
    public void Weights_spread_over_the_slots(bool v6)
    {
        _world.SetService(World.Generation, v6, 88, 50, default, _world.B.Address(v6), World.External(v6), _world.B.Address(v6), _world.B.Address(v6));
        int here = Enumerable.Range(0, 400).Count(i => _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 20000 + i), Vip(v6, 88))).Code == Outcome.Redirect);
        Assert.InRange(here, 250, 350);
    }

    private void Refused(Packet packet, CvReason reason)
    {
        Outcome outcome = _world.FromPod(_world.A, packet);
        if (packet.Protocol == Packet.Tcp) outcome.Reset(reason);
        else outcome.Unreachable(reason, packet);
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void Attack_an_answer_to_a_connection_that_came_past_the_programs_does_not_leave(bool v6)
    {
        Packet answer = Packet.OfTcp(_world.A.At(v6, 80), new(World.External(v6), 40000), TcpFlags.Syn | TcpFlags.Ack);
        _world.FromPod(_world.A, answer).Reset(CvReason.NotAConnection);

        // The node's own probes leave no flow; others' connections do.
        _world.FromPod(_world.A, answer with { Destination = World.Node(v6) }).Passed();
        _world.ToPod(_world.A, answer.Reply(TcpFlags.Syn), 99).Passed();
        _world.FromPod(_world.A, answer).Passed();
    }
}
