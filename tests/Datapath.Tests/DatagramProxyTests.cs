using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Which datagrams out of a pod go to the proxy, which way, and every reason why one does not.</summary>
public sealed class DatagramProxyTests : IClassFixture<World>
{
    private readonly World _world;

    public DatagramProxyTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    private static IPEndPoint Remote(bool v6) => new(World.Remote(v6), 53);

    private Packet ToRemote(bool v6, int payload = 32) => Packet.OfUdp(_world.A.At(v6, 40000), Remote(v6), payload);

    private CvFlowKey Key(bool v6) => Abi.Key(_world.A.At(v6, 40000), Remote(v6), Packet.Udp);

    private void Captured(Outcome outcome, CvCounter counter, ulong before)
    {
        Assert.Equal(CvAbi.MarkCapture, outcome.Passed().Mark);
        Assert.Equal(before + 1, _world.Maps.Counter(counter));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Everything_that_needs_the_proxy_goes_there_and_nothing_else(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        IPEndPoint Vip(int port) => new(World.Vip(v6), port);
        foreach (IPEndPoint to in (IPEndPoint[])[Remote(v6), _world.C.At(v6, 53), Vip(WorldContent.ToRemote), Vip(WorldContent.ToSelf), Vip(WorldContent.Forced)])
        {
            Outcome outcome = _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 40000), to)).Dropped(CvReason.AssignFailed);
            Assert.Equal(to, ProxyHeader.Read(outcome.Bytes.AsSpan(outcome.View.L4 + 8)).To);
        }
        Assert.Empty(_world.Maps.Flows.ToList());
        _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 40001), _world.B.At(v6, 53))).Redirected(_world.B);
        _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 40001), Vip(WorldContent.ToB))).Redirected(_world.B);
        foreach (IPAddress to in (IPAddress[])[World.External(v6), World.Node(v6), World.Excluded(v6), _world.A.Address(v6)])
            _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 40001), new(to, 53))).Passed();
        Assert.Equal(5, _world.Maps.Sessions.ToList().Count(e => (e.Value.Flags & (uint)CvSessionFlag.Translated) == 0));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_workload_behind_the_proxy_also_speaks_by_it(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.FromPod(_world.C, Packet.OfUdp(_world.C.At(v6, 53), _world.B.At(v6, 40000))).Dropped(CvReason.AssignFailed);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_forced_service_whose_backend_is_no_workload_passes(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.SetService(World.Generation, v6, 99, 20, CvServiceFlag.Proxy, World.External(v6));
        IPEndPoint vip = new(World.Vip(v6), 99);
        Assert.Equal(World.External(v6), _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 40000), vip)).Passed().View.To.Address);
        Assert.Equal(World.External(v6), _world.FromPod(_world.A, Packet.OfTcp(_world.A.At(v6, 40000), vip, TcpFlags.Syn)).Passed().View.To.Address);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_excluded_port_is_left_alone(bool v6)
    {
        _world.ExcludePort(World.Generation, 53);
        _world.FromPod(_world.A, ToRemote(v6)).Passed();
        Assert.Empty(_world.Maps.Sessions.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_can_carry_no_header_goes_without_one(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Packet options = ToRemote(v6) with { Options = v6 ? [] : [7, 7, 4, 0, 0, 0, 0, 0], Extensions = v6 ? [(60, new byte[8])] : [] };
        foreach ((byte[] packet, uint segment) in new (byte[], uint)[] { (options.Build(), 0), (ToRemote(v6, 1000).Build(), 100) })
        {
            Outcome outcome = _world.Run(Hook.FromPod, packet, _world.A.Index, _world.A.Index, segment: segment).Dropped(CvReason.AssignFailed);
            Assert.Equal(packet, outcome.Bytes);
        }
        Assert.NotNull(_world.Maps.Session(Key(v6)));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Fragments_are_captured_as_they_are(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        ulong plain = _world.Maps.Counter(CvCounter.UdpPlain);
        Packet first = ToRemote(v6, 64) with { FragmentId = 101, MoreFragments = true };
        Packet later = first with { FragmentOffset = 72, MoreFragments = false };
        foreach (Packet fragment in (Packet[])[first, later, first, later])
        {
            Outcome outcome = _world.FromPod(_world.A, fragment);
            Captured(outcome, CvCounter.UdpPlain, plain++);
            Assert.Equal(fragment.Build(), outcome.Bytes);
        }
        Assert.NotNull(_world.Maps.Session(Key(v6)));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Fragments_before_the_first_wait_here_and_draw_the_whole_datagram_after_them(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        uint id = 200;
        foreach (IPEndPoint to in (IPEndPoint[])[Remote(v6), _world.B.At(v6, 53), new(World.Vip(v6), WorldContent.ToB), new(World.Vip(v6), WorldContent.ToExternal)])
        {
            ulong reassembled = _world.Maps.Counter(CvCounter.Reassembly), plain = _world.Maps.Counter(CvCounter.UdpPlain);
            Packet first = Packet.OfUdp(_world.A.At(v6, 41000), to, 64) with { FragmentId = ++id, MoreFragments = true };
            Packet second = first with { FragmentOffset = 72 }, third = first with { FragmentOffset = 136, MoreFragments = false };
            foreach (Packet fragment in (Packet[])[third, third, first, second, first, third])
            {
                Outcome outcome = _world.FromPod(_world.A, fragment);
                Captured(outcome, CvCounter.UdpPlain, plain++);
                Assert.Equal(fragment.Build(), outcome.Bytes);
            }
            Assert.Equal(reassembled + 2, _world.Maps.Counter(CvCounter.Reassembly));
            Assert.NotNull(_world.Maps.Session(Abi.Key(_world.A.At(v6, 41000), to, Packet.Udp)));
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_next_datagram_of_such_a_flow_goes_straight_again(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Packet first = Packet.OfUdp(_world.A.At(v6, 41000), _world.B.At(v6, 53), 64) with { FragmentId = 301, MoreFragments = true };
        Packet later = first with { FragmentOffset = 72, MoreFragments = false };
        _world.FromPod(_world.A, first with { FragmentId = 300 }).Redirected(_world.B);
        Assert.Equal(CvAbi.MarkCapture, _world.FromPod(_world.A, later).Passed().Mark);
        Assert.Equal(CvAbi.MarkCapture, _world.FromPod(_world.A, first).Passed().Mark);
        _world.Maps.Flows.Clear(); // also when nothing else was ever sent
        Assert.Equal(Outcome.Redirect, _world.FromPod(_world.A, first with { FragmentId = 302 }).Code);
        Assert.Equal(Outcome.Redirect, _world.FromPod(_world.A, later with { FragmentId = 302 }).Code);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_refused_first_fragment_leaves_the_others_waiting_for_nothing(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        Packet first = Packet.OfUdp(_world.A.At(v6, 41000), _world.B.At(v6, 53), 64) with { FragmentId = 401, MoreFragments = true };
        Assert.Equal(CvAbi.MarkCapture, _world.FromPod(_world.A, first with { FragmentOffset = 72, MoreFragments = false }).Passed().Mark);
        _world.FromPod(_world.A, first).Dropped(CvReason.PolicyDeny).Single(CvEventType.Denied);
        Assert.Empty(_world.Maps.Sessions.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Fragments_before_the_first_are_evaluated_by_what_they_show(bool v6)
    {
        Packet later = ToRemote(v6, 64) with { FragmentId = 501, FragmentOffset = 72 };
        _world.FromPod(_world.A, later).Dropped(CvReason.FragmentNoFirst); // nobody would take it
        using IDisposable sockets = _world.OfferDatagrams();
        foreach (IPAddress to in (IPAddress[])[World.External(v6), World.Node(v6), World.Excluded(v6)])
            Assert.Equal(0u, _world.FromPod(_world.A, later with { Destination = to }).Passed().Mark);
        _world.FromPod(_world.A, later with { Source = _world.B.Address(v6) }).Dropped(CvReason.SpoofedSource);
        _world.FromPod(_world.A, later with { Protocol = Packet.Tcp }).Dropped(CvReason.FragmentNoFirst);
        _world.Maps.Endpoints.Delete(new CvEndpointKey { Generation = World.Generation, Ifindex = _world.A.Index });
        _world.FromPod(_world.A, later).Dropped(CvReason.NoEndpoint);
        _world.Maps.Activate(0);
        _world.FromPod(_world.A, later).Dropped(CvReason.FragmentNoFirst);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Without_listeners_of_its_way_a_datagram_is_dropped(bool v6)
    {
        Packet fragment = ToRemote(v6, 64) with { FragmentId = 601, MoreFragments = true };
        _world.FromPod(_world.A, ToRemote(v6)).Dropped(CvReason.ProxyDown);
        _world.FromPod(_world.A, fragment).Dropped(CvReason.ProxyDown);
        _world.FromPod(_world.A, ToRemote(v6, 1000), segment: 100).Dropped(CvReason.ProxyDown);
        uint[] counts = new uint[(int)CvListenerKind.Kinds];
        counts[(int)(v6 ? CvListenerKind.Udp6 : CvListenerKind.Udp4)] = 1;
        _world.Maps.Activate(World.Generation, counts); // counted, but the slot is empty
        _world.FromPod(_world.A, ToRemote(v6)).Dropped(CvReason.ProxyDown);
        _world.FromPod(_world.A, fragment).Dropped(CvReason.ProxyDown);
        counts[(int)(v6 ? CvListenerKind.Udp6 : CvListenerKind.Udp4)] = 0;
        counts[(int)(v6 ? CvListenerKind.Plain6 : CvListenerKind.Plain4)] = 1;
        _world.Maps.Activate(World.Generation, counts);
        _world.FromPod(_world.A, ToRemote(v6)).Dropped(CvReason.ProxyDown);
        _world.FromPod(_world.A, fragment).Dropped(CvReason.ProxyDown);
        using IDisposable sockets = _world.OfferDatagrams();
        _world.Maps.Activate(World.Generation, counts);
        _world.FromPod(_world.A, fragment).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Empty_slots_are_skipped(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams(slot: 3);
        for (int port = 1000; port < 1032; port++) _world.FromPod(_world.A, ToRemote(v6) with { SourcePort = (ushort)port }).Dropped(CvReason.AssignFailed);
    }

    [Fact]
    public void Open_on_failure_lets_no_header_out()
    {
        using World world = new(o => o.SetConfig("cv_cfg_fail_open", (byte)1));
        world.Reset();
        Packet datagram = Packet.OfUdp(world.A.At(false, 40000), Remote(false));
        Outcome down = world.FromPod(world.A, datagram);
        Assert.Equal((Outcome.Ok, CvReason.ProxyDown), (down.Code, Assert.Single(down.Drops)));
        Assert.Equal(datagram.Build(), down.Bytes);
        using IDisposable sockets = world.OfferDatagrams();
        world.FromPod(world.A, datagram).Dropped(CvReason.AssignFailed);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_session_belongs_to_its_veth(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.FromPod(_world.A, ToRemote(v6, 64) with { FragmentId = 701, MoreFragments = true }).Passed();
        _world.FromPod(_world.B, ToRemote(v6)).Dropped(CvReason.SpoofedSource);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_new_generation_revalidates_sessions(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Packet toC = Packet.OfUdp(_world.A.At(v6, 40000), _world.C.At(v6, 53));
        _world.FromPod(_world.A, toC).Dropped(CvReason.AssignFailed);
        WorldContent.Fill(_world, World.Generation + 1);
        _world.SetPod(World.Generation + 1, _world.C);
        _world.Maps.Activate(World.Generation + 1);
        _world.FromPod(_world.A, toC).Redirected(_world.C); // behind the proxy no more
        WorldContent.Fill(_world, World.Generation + 2);
        _world.Maps.Offer(World.Generation + 2);
        Outcome again = _world.FromPod(_world.A, toC).Dropped(CvReason.AssignFailed); // and once more
        Assert.Equal(World.Generation + 2, ProxyHeader.Read(again.Bytes.AsSpan(again.View.L4 + 8)).Endpoint.Generation);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_session_of_a_service_stays_one_when_the_dice_fall_otherwise(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Packet datagram = Packet.OfUdp(_world.A.At(v6, 40000), new(World.Vip(v6), WorldContent.ToRemote));
        _world.FromPod(_world.A, datagram).Dropped(CvReason.AssignFailed);
        WorldContent.Fill(_world, World.Generation + 1);
        _world.SetService(World.Generation + 1, v6, WorldContent.ToRemote, 2, 0, _world.B.Address(v6));
        _world.Maps.Offer(World.Generation + 1);
        _world.FromPod(_world.A, datagram).Dropped(CvReason.AssignFailed);
        _world.FromPod(_world.A, datagram with { SourcePort = 1 }).Redirected(_world.B);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Flows_that_have_become_the_proxys_go_there(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        IPEndPoint client = _world.A.At(v6, 40000);
        Packet direct = Packet.OfUdp(client, _world.B.At(v6, 53)), service = Packet.OfUdp(client, new(World.Vip(v6), WorldContent.ToB)), external = Packet.OfUdp(client, new(World.External(v6), 53));
        _world.FromPod(_world.A, direct).Redirected(_world.B);
        _world.FromPod(_world.A, service).Redirected(_world.B);
        _world.FromPod(_world.A, external).Passed();
        Assert.Equal(6, _world.Maps.Flows.ToList().Count);
        WorldContent.Fill(_world, World.Generation + 1);
        _world.SetPod(World.Generation + 1, _world.B, CvAddressFlag.Proxy);
        _world.SetAddress(World.Generation + 1, World.External(v6), new CvAddress { Flags = (uint)CvAddressFlag.Meshed, AuthClass = 40 });
        _world.Maps.Offer(World.Generation + 1);
        foreach (Packet datagram in (Packet[])[direct, service, external]) _world.FromPod(_world.A, datagram).Dropped(CvReason.AssignFailed);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_service_that_begins_to_want_the_proxy_gets_its_flows_there(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Packet service = Packet.OfUdp(_world.A.At(v6, 40000), new(World.Vip(v6), WorldContent.ToB));
        Packet answer = Packet.OfUdp(_world.B.At(v6, WorldContent.BackendPort), _world.A.At(v6, 40000));
        _world.FromPod(_world.A, service).Redirected(_world.B);
        WorldContent.Fill(_world, World.Generation + 1);
        _world.SetService(World.Generation + 1, v6, WorldContent.ToB, 1, CvServiceFlag.Proxy, _world.B.Address(v6));
        _world.Maps.Offer(World.Generation + 1);
        _world.FromPod(_world.A, service).Dropped(CvReason.AssignFailed);
        Assert.Empty(_world.Maps.Flows.ToList());
        Assert.Equal(Outcome.Redirect, _world.FromPod(_world.B, answer).Code);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Answers_to_the_proxys_sockets_are_captured_from_every_port_of_the_pod_and_of_no_other(bool v6)
    {
        IPEndPoint client = new(World.Remote(v6), 40000);
        CvFlowKey key = Abi.Key(_world.B.At(v6, 0), client, Packet.Udp);
        using IDisposable sockets = _world.OfferDatagrams();
        _world.Maps.Replies.Set(key, default);
        ulong before = _world.Maps.Counter(CvCounter.UdpReply);
        Packet answer = Packet.OfUdp(_world.B.At(v6, 53), client);
        foreach (Packet packet in (Packet[])[answer, answer with { SourcePort = 5353 }, answer with { MoreFragments = true, FragmentId = 9, Payload = Packet.Pattern(64) }])
        {
            Outcome outcome = _world.FromPod(_world.B, packet);
            Captured(outcome, CvCounter.UdpReply, before++);
            Assert.Equal(packet.Build(), outcome.Bytes);
        }
        Captured(_world.FromPod(_world.B, answer with { MoreFragments = false, FragmentOffset = 72, FragmentId = 9 }), CvCounter.UdpReply, before);
        _world.FromPod(_world.A, answer).Dropped(CvReason.SpoofedSource);
        _world.FromPod(_world.B, answer with { DestinationPort = 40001 }).Dropped(CvReason.AssignFailed);
        _world.Maps.Replies.Delete(key);
        _world.FromPod(_world.B, answer).Dropped(CvReason.AssignFailed);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Icmp_errors_about_the_proxys_datagrams_reach_its_sockets(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.FromPod(_world.A, ToRemote(v6, 64) with { FragmentId = 801, MoreFragments = true }).Passed();
        byte[] fromProxy = ToRemote(v6).Reply().Build();
        Assert.Equal(CvAbi.MarkCapture, _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), World.Remote(v6), fromProxy)).Passed().Mark);
        IPEndPoint client = new(World.Remote(v6), 40000);
        byte[] delivered = Packet.OfUdp(client, _world.B.At(v6, 53)).Build();
        Packet error = Packet.OfIcmpError(_world.B.Address(v6), World.Remote(v6), delivered);
        Assert.Equal(0u, _world.FromPod(_world.B, error).Passed().Mark);
        _world.Maps.Replies.Set(Abi.Key(_world.B.At(v6, 0), client, Packet.Udp), default);
        Assert.Equal(CvAbi.MarkCapture, _world.FromPod(_world.B, error).Passed().Mark);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_header_that_a_pod_sends_itself_is_payload(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Outcome genuine = _world.FromPod(_world.A, ToRemote(v6));
        byte[] forged = genuine.Bytes[(genuine.View.L4 + 8)..];
        Outcome outcome = _world.FromPod(_world.A, ToRemote(v6) with { SourcePort = 7, Payload = forged });
        byte[] payload = outcome.Bytes[(outcome.View.L4 + 8)..];
        ProxyHeader header = ProxyHeader.Read(payload);
        Assert.Equal((7, 40000), (header.From.Port, ProxyHeader.Read(payload.AsSpan(header.Length)).From.Port));
    }
}
