using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;

namespace Culvert.Datapath.Tests;

/// <summary>The settings that are fixed at load, and what happens when a map is full.</summary>
public sealed class ConfigurationTests
{
    private static World Load(Action<BpfObject> configure)
    {
        World world = new(configure);
        world.Reset();
        return world;
    }

    private static Packet Syn(World world, bool v6 = false) => Packet.OfTcp(world.A.At(v6, 40000), world.B.At(v6, 80), TcpFlags.Syn);

    [Fact]
    public void Without_answers_what_is_refused_is_dropped_silently()
    {
        using World world = Load(o => o.SetConfig("cv_cfg_answer", (byte)0));
        world.SetPolicy(World.Generation, world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        world.FromPod(world.A, Syn(world)).Dropped(CvReason.PolicyDeny);
        world.ToPod(world.B, Packet.OfTcp(new(World.External(false), 1), world.B.At(false, 80), TcpFlags.Syn), 99).Dropped(CvReason.PolicyDeny);
        world.SetPolicy(World.Generation, world.B, CvAbi.ClassAny, 0, CvReason.NoBackend);
        world.FromPod(world.A, Packet.OfUdp(world.A.At(false, 1), world.B.At(false, 80))).Dropped(CvReason.NoBackend);
    }

    [Fact]
    public void Open_on_failure_lets_faults_of_the_mesh_pass_and_counts_them_but_no_refusals()
    {
        using World world = Load(o => o.SetConfig("cv_cfg_fail_open", (byte)1));
        Outcome down = world.FromPod(world.A, Syn(world) with { Destination = World.Remote(false) });
        Assert.Equal((Outcome.Ok, CvReason.ProxyDown), (down.Code, Assert.Single(down.Drops)));
        world.SetPolicy(World.Generation, world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        world.FromPod(world.A, Syn(world)).Reset(CvReason.PolicyDeny);
        world.FromPod(world.A, Syn(world) with { Source = world.B.Address4 }).Dropped(CvReason.SpoofedSource);
        world.Maps.Policies.Clear();
        Assert.Equal(Outcome.Ok, world.FromPod(world.A, Syn(world)).Code);
        world.Maps.Activate(0);
        Assert.Equal(Outcome.Ok, world.FromPod(world.A, Syn(world)).Code);
        Assert.Equal(Outcome.Ok, world.ToPod(world.A, Syn(world).Reply()).Code);
    }

    [Fact]
    public void Marks_and_the_tunnel_port_can_be_chosen()
    {
        using World world = Load(o => o.SetConfig("cv_cfg_mark_mask", 0xf000u).SetConfig("cv_cfg_mark_proxy", 0x2000u).SetConfig("cv_cfg_tunnel_port", (ushort)16008));
        world.Run(Hook.FromPod, Syn(world), world.A.Index, mark: 0x2001).Dropped(CvReason.TransportSpoof);
        world.Run(Hook.FromPod, Syn(world), world.A.Index, world.A.Index, mark: CvAbi.MarkProxy).Redirected(world.B);
        world.FromPod(world.A, Syn(world) with { DestinationPort = 16008 }).Reset(CvReason.TunnelPort);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_full_flow_table_refuses_new_flows_and_keeps_the_old(bool v6)
    {
        using World world = Load(o => o.SetMaxEntries("cv_flow", 8));
        int made = 0;
        Outcome outcome;
        while ((outcome = world.FromPod(world.A, Syn(world, v6) with { SourcePort = (ushort)(1000 + made) })).Code == Outcome.Redirect) made++;
        Assert.InRange(made, 2, 4);
        outcome.Dropped(CvReason.FlowTableFull).Single(CvEventType.Dropped);
        Assert.Equal(2 * made, world.Maps.Flows.ToList().Count);
        world.FromPod(world.A, Syn(world, v6) with { SourcePort = 1000, Flags = TcpFlags.Ack }).Redirected(world.B);
        world.ToPod(world.B, Packet.OfUdp(new(World.External(v6), 1), world.B.At(v6, 80)), 99).Dropped(CvReason.FlowTableFull);
    }

    [Fact]
    public void Events_that_find_no_room_are_counted()
    {
        using World world = Load(o => o.SetMaxEntries("cv_events", 4096));
        ulong before = world.Maps.Counter(CvCounter.EventLost);
        int seen = world.Repeat(i => Syn(world) with { SourcePort = (ushort)(1000 + i) }, 100);
        Assert.InRange(seen, 20, 40);
        Assert.Equal(100ul, world.Maps.Counter(CvCounter.EventLost) - before + (ulong)seen);
    }

    [Fact]
    public void Dropped_and_denied_events_are_limited_and_all_drops_are_counted()
    {
        using World world = Load(o => o.SetConfig("cv_cfg_drop_rate", 20u).SetConfig("cv_cfg_deny_rate", 28u));
        world.SetPolicy(World.Generation, world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        ulong limited = world.Maps.Counter(CvCounter.EventLimited), spoofed = world.Maps.Drops()[(int)CvReason.SpoofedSource];
        int dropped = world.Repeat(_ => Syn(world) with { Source = world.B.Address4 }, 500);
        int denied = world.Repeat(_ => Packet.OfUdp(world.A.At(false, 1), world.B.At(false, 2)), 500);
        Assert.Equal(500ul, world.Maps.Drops()[(int)CvReason.SpoofedSource] - spoofed);

        // A quarter each: all come from one interface.
        Assert.InRange(dropped, 5, 100);
        Assert.InRange(denied, 7, 100);
        Assert.Equal(1000ul, world.Maps.Counter(CvCounter.EventLimited) - limited + (ulong)(dropped + denied));
    }

    [Fact]
    public void Two_flows_never_share_their_ports_after_translation()
    {
        using World world = Load(_ => { });
        Packet plain = Packet.OfTcp(world.A.At(false, 40000), world.B.At(false, WorldContent.BackendPort), TcpFlags.Syn);
        Packet service = plain with { Destination = World.Vip(false), DestinationPort = WorldContent.ToB };
        world.FromPod(world.A, plain).Redirected(world.B);
        world.FromPod(world.A, service).Dropped(CvReason.TupleTaken);
        world.FromPod(world.A, plain with { Flags = TcpFlags.Rst }).Redirected(world.B);
        world.FromPod(world.A, service).Redirected(world.B);
    }

    /// <summary>A port that is free again is soon another socket's, and nothing says that what the last one asked is answered.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void Of_two_flows_of_datagrams_with_the_same_ports_after_translation_the_later_stays(bool v6)
    {
        using World world = Load(_ => { });
        Packet plain = Packet.OfUdp(world.A.At(v6, 40000), world.B.At(v6, WorldContent.BackendPort));
        Packet service = plain with { Destination = World.Vip(v6), DestinationPort = WorldContent.ToB };
        Packet answer = Packet.OfUdp(world.B.At(v6, WorldContent.BackendPort), world.A.At(v6, 40000));
        foreach (Packet question in (Packet[])[plain, service, plain, service])
        {
            world.FromPod(world.A, question).Redirected(world.B);
            PacketView answered = world.FromPod(world.B, answer).Redirected(world.A).View;
            Assert.Equal((question.Destination, question.DestinationPort), (answered.Source, answered.SourcePort));
            Assert.Equal(2, world.Maps.Flows.ToList().Count);
        }

        // What the backend itself has begun is not ended by it.
        world.FromPod(world.B, answer with { DestinationPort = 40001 }).Redirected(world.A);
        world.FromPod(world.A, service with { SourcePort = 40001 }).Dropped(CvReason.TupleTaken);
    }

    [Fact]
    public void A_syn_on_the_ports_of_an_ended_connection_starts_a_new_one()
    {
        using World world = Load(_ => { });
        world.FromPod(world.A, Syn(world)).Redirected(world.B).Single(CvEventType.New);
        Assert.Empty(world.FromPod(world.A, Syn(world)).Redirected(world.B).Events);
        world.FromPod(world.A, Syn(world) with { Flags = TcpFlags.Fin | TcpFlags.Ack }).Redirected(world.B);
        Outcome again = world.FromPod(world.A, Syn(world)).Redirected(world.B);
        Assert.Equal([CvEventType.Closed, CvEventType.New], again.Events.Select(e => (CvEventType)e.Type));
        Outcome turned = world.FromPod(world.B, Syn(world).Reply(TcpFlags.Syn)).Redirected(world.A);
        Assert.Equal([CvEventType.Closed, CvEventType.New], turned.Events.Select(e => (CvEventType)e.Type));
    }

    [Fact]
    public void Every_program_and_map_name_is_readable_in_full()
    {
        using World world = Load(_ => { });
        Assert.All(world.Names, name => Assert.InRange(name.Length, 4, 15));
        Assert.Contains("cv_from_pod", world.Names);
    }
}
