using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Attacks;

/// <summary>Floods of first packets: whoever sends them may fill their own share of the flow table, and nobody else's.</summary>
[Trait("Category", "Attack")]
public sealed class FlowShareTests : IClassFixture<World>
{
    private const uint Uplink = 99;
    private const int HalfOpen = 8192;
    private readonly World _world;

    public FlowShareTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private Packet First(bool v6, byte protocol, int n)
    {
        IPEndPoint source = new(World.External(v6), 1024 + (n % 60_000)), to = _world.B.At(v6, 80 + (n / 60_000));
        return protocol == Packet.Tcp ? Packet.OfTcp(source, to, TcpFlags.Syn) : Packet.OfUdp(source, to);
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_an_external_flood_takes_a_bounded_part_and_an_answered_flow_stays(bool v6, byte protocol)
    {
        Packet honest = First(v6, protocol, 0) with { SourcePort = 999 };
        _world.ToPod(_world.B, honest, Uplink).Passed();
        _world.FromPod(_world.B, honest.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed();
        _world.ToPod(_world.B, honest with { Flags = TcpFlags.Ack }, Uplink).Passed();
        _world.Flood(Hook.ToPod, _world.B, Uplink, 2 * HalfOpen, n => First(v6, protocol, n));
        List<KeyValuePair<CvFlowKey, CvFlow>> flows = _world.Maps.Flows.ToList();
        Assert.InRange(flows.Count, 2 * HalfOpen - 8, 2 * (HalfOpen + 1));
        Assert.Equal(2, flows.Count(f => ((CvFlowFlag)f.Value.Flags).HasFlag(CvFlowFlag.Established)));
        // A client that completes its handshake in the midst of it is served.
        Packet client = First(v6, protocol, 0) with { SourcePort = 998 };
        _world.ToPod(_world.B, client, Uplink).Passed();
        _world.FromPod(_world.B, client.Reply(TcpFlags.Syn | TcpFlags.Ack)).Passed();
        _world.ToPod(_world.B, client with { Flags = TcpFlags.Ack }, Uplink).Passed();
        // And the node's own pods do not notice.
        _world.FromPod(_world.A, protocol == Packet.Tcp ? Packet.OfTcp(_world.A.At(v6, 1), _world.B.At(v6, 2), TcpFlags.Syn) : Packet.OfUdp(_world.A.At(v6, 1), _world.B.At(v6, 2))).Redirected(_world.B);
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_external_flows_that_are_answered_fill_their_share_only(bool v6, byte protocol)
    {
        _world.Maps.Limit(World.Generation, external: 3);
        for (int n = 0; n < 3; n++) _world.ToPod(_world.B, First(v6, protocol, n), Uplink).Passed();
        _world.ToPod(_world.B, First(v6, protocol, 3), Uplink).Dropped(CvReason.FlowQuota);
        _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 1), _world.B.At(v6, 2))).Redirected(_world.B);
        _world.FromPod(_world.A, Packet.OfUdp(_world.A.At(v6, 1), new(World.External(v6), 2))).Passed();
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_a_pod_that_scans_fills_its_own_share_only(bool v6, byte protocol)
    {
        Packet Scan(Workload by, int n) =>
            protocol == Packet.Tcp ? Packet.OfTcp(by.At(v6, 40000), new(World.External(v6), n), TcpFlags.Syn) : Packet.OfUdp(by.At(v6, 40000), new(World.External(v6), n));
        _world.SetMaxFlows(World.Generation, _world.A, 5);
        for (int n = 1; n <= 5; n++) _world.FromPod(_world.A, Scan(_world.A, n)).Passed();
        _world.FromPod(_world.A, Scan(_world.A, 6)).Dropped(CvReason.FlowQuota);
        // Those it has go on, and those of others begin.
        _world.FromPod(_world.A, Scan(_world.A, 5)).Passed();
        _world.FromPod(_world.B, Scan(_world.B, 6)).Passed();
        // What the agent sweeps, and what ends, makes room again.
        _world.Maps.Swept.Set(_world.A.Index, 1);
        _world.FromPod(_world.A, Scan(_world.A, 6)).Passed();
        _world.FromPod(_world.A, Scan(_world.A, 7)).Dropped(CvReason.FlowQuota);
        if (protocol != Packet.Tcp) return;
        _world.FromPod(_world.A, Scan(_world.A, 6) with { Flags = TcpFlags.Rst }).Passed();
        _world.FromPod(_world.A, Scan(_world.A, 7)).Passed();
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_pods_that_scan_with_lent_places_leave_room_to_the_others(bool v6, byte protocol)
    {
        const int Own = 4;
        using World small = new(o => o.SetMaxEntries("cv_flow", 64));
        small.Reset();
        small.Maps.FairShare.Set(0, Own);
        Packet Begin(Workload by, int n) =>
            protocol == Packet.Tcp ? Packet.OfTcp(by.At(v6, 40000), new(World.External(v6), n), TcpFlags.Syn) : Packet.OfUdp(by.At(v6, 40000), new(World.External(v6), n));
        void Answer(Packet first)
        {
            small.ToPod(small.A, first.Reply(TcpFlags.Syn | TcpFlags.Ack), Uplink).Passed();
            if (protocol == Packet.Tcp) small.FromPod(small.A, first with { Flags = TcpFlags.Ack }).Passed();
        }

        // One flow that has been answered in a place of its own, one in a lent one; then first packets until no more are taken.
        int made = 0;
        while (made < Own + 1) small.FromPod(small.A, Begin(small.A, ++made)).Passed();
        Answer(Begin(small.A, 1));
        Answer(Begin(small.A, made));
        Outcome outcome;
        while ((outcome = small.FromPod(small.A, Begin(small.A, made + 1))).Drops.Count == 0) Assert.InRange(++made, 1, 64);
        outcome.Dropped(CvReason.FlowTableFull);
        Assert.InRange(made, 30, 32);

        for (int n = 1; n <= Own; n++)
        {
            small.FromPod(small.B, Begin(small.B, n)).Passed();
            Assert.Equal(2 * made, small.Maps.Flows.ToList().Count);
        }
        List<KeyValuePair<CvFlowKey, CvFlow>> flows = small.Maps.Flows.ToList();
        Assert.Equal(4, flows.Count(f => ((CvFlowFlag)f.Value.Flags).HasFlag(CvFlowFlag.Established)));
        Assert.Equal(2 * Own, flows.Count(f => f.Value.Owner == small.B.Index));
        Assert.Equal(made - Own, (int)(Usage(small.A).Made - Usage(small.A).Gone));
        // What is lent to it gives B nothing that is lent to others.
        small.FromPod(small.B, Begin(small.B, Own + 1)).Dropped(CvReason.FlowTableFull);

        CvUsage Usage(Workload of) => small.Maps.Usages.TryGet(of.Index, out CvUsage usage) ? usage : throw new InvalidOperationException("it has no account");
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_unanswered_flows_in_lent_places_are_a_part_of_the_table_only(bool v6, byte protocol)
    {
        const int Lent = 16;
        using World small = new(o => o.SetMaxEntries("cv_flow", 256).SetMaxEntries("cv_lent", Lent));
        small.Reset();
        small.Maps.FairShare.Set(0, 1);
        for (int n = 1; n <= 100; n++)
        {
            IPEndPoint to = new(World.External(v6), n);
            small.FromPod(small.A, protocol == Packet.Tcp ? Packet.OfTcp(small.A.At(v6, 40000), to, TcpFlags.Syn) : Packet.OfUdp(small.A.At(v6, 40000), to)).Passed();
        }
        Assert.Equal(2 * (Lent + 1), small.Maps.Flows.ToList().Count);
    }

    [Fact]
    public void Attack_denials_of_one_pod_do_not_take_the_place_of_anothers()
    {
        _world.SetPolicy(World.Generation, _world.A, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        int told = _world.Flood(Hook.FromPod, _world.A, _world.A.Index, 3000, n => Packet.OfUdp(_world.A.At(false, 1 + n), _world.B.At(false, 2)));
        Assert.InRange(told, 1, 600);
        _world.FromPod(_world.B, Packet.OfUdp(_world.B.At(false, 1), _world.A.At(false, 2))).Single(CvEventType.Denied);
    }

    [Fact]
    public void Attack_drops_of_one_pod_do_not_take_the_place_of_anothers()
    {
        int told = _world.Flood(Hook.FromPod, _world.A, _world.A.Index, 3000, n => Packet.OfUdp(new(World.Vip(false), 1 + n), _world.B.At(false, 2)));
        Assert.InRange(told, 1, 60);
        _world.FromPod(_world.C, Packet.OfUdp(_world.C.At(false, 1), new(World.Vip(false), 1))).Single(CvEventType.Dropped);
    }
}
