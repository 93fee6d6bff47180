using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Attacks;

/// <summary>Resets, ends and beginnings that somebody outside makes up, who does not see the connection.</summary>
[Trait("Category", "Attack")]
public sealed class ConnectionEndTests : IClassFixture<World>
{
    private const uint Uplink = 99, PodStart = 5000, ExternalStart = 900_000;
    private readonly World _world;

    public ConnectionEndTests(World world)
    {
        _world = world;
        _world.Reset();
        _world.SetPod(World.Generation, _world.A, CvAddressFlag.Strict, CvEndpointFlag.Strict);
    }

    private Packet FromPod(bool v6, TcpFlags flags, uint sequence, uint acknowledgement, int payload = 0) =>
        Packet.OfTcp(_world.A.At(v6, 40000), new(World.External(v6), 443), flags, payload) with { Sequence = sequence, Acknowledgement = acknowledgement };

    private Packet FromExternal(bool v6, TcpFlags flags, uint sequence, uint acknowledgement = PodStart + 1, int payload = 0) =>
        Packet.OfTcp(new(World.External(v6), 443), _world.A.At(v6, 40000), flags, payload) with { Sequence = sequence, Acknowledgement = acknowledgement };

    // Out of a strict pod, 1,000 bytes received and acknowledged.
    private void Connect(bool v6)
    {
        _world.FromPod(_world.A, FromPod(v6, TcpFlags.Syn, PodStart, 0)).Passed();
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Syn | TcpFlags.Ack, ExternalStart), Uplink).Passed();
        _world.FromPod(_world.A, FromPod(v6, TcpFlags.Ack, PodStart + 1, ExternalStart + 1)).Passed();
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Ack, ExternalStart + 1, payload: 1000), Uplink).Passed();
        _world.FromPod(_world.A, FromPod(v6, TcpFlags.Ack, PodStart + 1, ExternalStart + 1001)).Passed();
    }

    private bool Lives(bool v6) => _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Ack, ExternalStart + 1001, payload: 10), Uplink).Drops.Count == 0;

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_a_blind_reset_changes_nothing(bool v6)
    {
        Connect(v6);
        foreach (uint sequence in (uint[])[0, ExternalStart, ExternalStart + 1000, ExternalStart + 1002, ExternalStart + 70_000, 0x8000_0000])
        {
            Assert.Empty(_world.ToPod(_world.A, FromExternal(v6, TcpFlags.Rst, sequence), Uplink).Events);
            Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        }
        Assert.True(Lives(v6));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_data_that_does_not_join_on_makes_no_room_for_a_reset(bool v6)
    {
        Connect(v6);
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Ack, ExternalStart + 90_000, payload: 100), Uplink).Passed();
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Rst, ExternalStart + 90_100), Uplink).Passed();
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_blind_ends_close_nothing(bool v6)
    {
        Connect(v6);
        _world.FromPod(_world.A, FromPod(v6, TcpFlags.Fin | TcpFlags.Ack, PodStart + 1, ExternalStart + 1001)).Passed();
        Assert.Empty(_world.ToPod(_world.A, FromExternal(v6, TcpFlags.Fin | TcpFlags.Ack, ExternalStart - 5), Uplink).Events);
        Assert.Empty(_world.ToPod(_world.A, FromExternal(v6, TcpFlags.Fin | TcpFlags.Ack, ExternalStart + (64 << 20)), Uplink).Events);
        Assert.True(Lives(v6));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_an_end_whose_place_was_guessed_closes_nothing_unless_it_acknowledges_what_the_pod_sent(bool v6)
    {
        Connect(v6);
        _world.FromPod(_world.A, FromPod(v6, TcpFlags.Fin | TcpFlags.Ack, PodStart + 1, ExternalStart + 1001)).Passed();
        foreach (uint acknowledgement in (uint[])[PodStart + 3, 0xFC00_0000, 0x8000_0000])
            Assert.Empty(_world.ToPod(_world.A, FromExternal(v6, TcpFlags.Fin | TcpFlags.Ack, ExternalStart + 1001, acknowledgement), Uplink).Events);
        Assert.Empty(_world.ToPod(_world.A, FromExternal(v6, TcpFlags.Fin, ExternalStart + 1001, PodStart + 2), Uplink).Events);
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Fin | TcpFlags.Ack, ExternalStart + 1001, PodStart + 2), Uplink).Passed().Single(CvEventType.Closed);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_a_blind_syn_does_not_end_a_pods_connection(bool v6)
    {
        Connect(v6);
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Syn, 1), Uplink).Reset(CvReason.StrictMtls);
        Assert.True(Lives(v6));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_true_reset_ends_the_flow(bool v6)
    {
        Connect(v6);
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Ack, ExternalStart + 1001, payload: 500), Uplink).Passed();
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Rst, ExternalStart + 1501), Uplink).Passed().Single(CvEventType.Closed);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_reset_behind_what_was_lost_and_sent_again_ends_the_flow(bool v6)
    {
        Connect(v6);
        // 1001..1500 is lost before this node; the pod acknowledges all when it has come again.
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Ack, ExternalStart + 1501, payload: 500), Uplink).Passed();
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Ack, ExternalStart + 1001, payload: 500), Uplink).Passed();
        _world.FromPod(_world.A, FromPod(v6, TcpFlags.Ack, PodStart + 1, ExternalStart + 2001)).Passed();
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Rst | TcpFlags.Ack, ExternalStart + 2001), Uplink).Passed();
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_refused_connection_ends_with_the_refusal(bool v6)
    {
        _world.FromPod(_world.A, FromPod(v6, TcpFlags.Syn, PodStart, 0)).Passed();
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Rst | TcpFlags.Ack, 0, PodStart + 9), Uplink).Passed();
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        _world.ToPod(_world.A, FromExternal(v6, TcpFlags.Rst | TcpFlags.Ack, 0), Uplink).Passed();
        Assert.Empty(_world.Maps.Flows.ToList());
    }
}
