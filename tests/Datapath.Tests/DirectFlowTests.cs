using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Flows between two pods of this node that the kernel carries by itself.</summary>
public sealed class DirectFlowTests : IClassFixture<World>
{
    private readonly World _world;

    public DirectFlowTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_connection_goes_straight_from_pod_to_pod_and_is_told_of_twice(bool v6)
    {
        Packet syn = Packet.OfTcp(_world.A.At(v6, 40000), _world.B.At(v6, 80), TcpFlags.Syn);
        Packet ack = syn with { Flags = TcpFlags.Ack, Payload = Packet.Pattern(100) };

        CvEvent started = _world.FromPod(_world.A, syn).Redirected(_world.B).Single(CvEventType.New);
        Assert.Equal(Abi.Key(_world.A.At(v6, 40000), _world.B.At(v6, 80), Packet.Tcp), started.Key);
        Assert.Equal((byte)CvVerdict.Direct, started.Verdict);
        Assert.Equal((_world.A.Class, _world.B.Class, WorldContent.Rule), (started.SrcClass, started.DstClass, started.Rule));
        Assert.Empty(_world.FromPod(_world.B, syn.Reply(TcpFlags.Syn | TcpFlags.Ack)).Redirected(_world.A).Events);
        Assert.Empty(_world.FromPod(_world.A, ack).Redirected(_world.B).Events);
        Assert.Empty(_world.FromPod(_world.A, syn with { Flags = TcpFlags.Fin | TcpFlags.Ack }).Redirected(_world.B).Events);
        CvEvent ended = _world.FromPod(_world.B, syn.Reply(TcpFlags.Fin | TcpFlags.Ack)).Redirected(_world.A).Single(CvEventType.Closed);
        Assert.Equal(started.Key, ended.Key);
        int header = v6 ? 60 : 40;
        Assert.Equal(((ulong)(3 * header) + 100, (ulong)(2 * header)), (ended.BytesOut, ended.BytesIn));
        Assert.Empty(_world.FromPod(_world.A, ack with { Payload = [] }).Redirected(_world.B).Events);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Entries_stay_until_both_ends_are_acknowledged(bool v6)
    {
        Packet a = Packet.OfTcp(_world.A.At(v6, 40000), new(World.Vip(v6), WorldContent.ToB), TcpFlags.Syn) with { Sequence = 100, Acknowledgement = 500 };
        Packet b = Packet.OfTcp(_world.B.At(v6, WorldContent.BackendPort), _world.A.At(v6, 40000), TcpFlags.Ack) with { Sequence = 500, Acknowledgement = 100 };
        _world.FromPod(_world.A, a).Redirected(_world.B);
        _world.FromPod(_world.A, a with { Flags = TcpFlags.Fin | TcpFlags.Ack }).Redirected(_world.B);
        _world.FromPod(_world.B, b with { Flags = TcpFlags.Fin | TcpFlags.Ack, Payload = Packet.Pattern(10) }).Redirected(_world.A).Single(CvEventType.Closed);
        foreach (Packet late in (Packet[])[a with { Flags = TcpFlags.Ack, Acknowledgement = 510 }, a with { Flags = TcpFlags.Fin | TcpFlags.Ack }, a with { Flags = TcpFlags.Ack, Acknowledgement = 511 }])
        {
            Assert.Empty(_world.FromPod(_world.A, late).Redirected(_world.B).Events);
            Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        }
        Assert.Empty(_world.FromPod(_world.B, b with { Acknowledgement = 101 }).Redirected(_world.A).Events);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_reset_ends_a_flow_at_once(bool v6)
    {
        Packet syn = Packet.OfTcp(_world.A.At(v6, 40000), _world.B.At(v6, 80), TcpFlags.Syn);
        _world.FromPod(_world.A, syn).Redirected(_world.B);
        _world.FromPod(_world.B, syn.Reply(TcpFlags.Rst | TcpFlags.Ack)).Redirected(_world.A).Single(CvEventType.Closed);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_service_connection_is_translated_both_ways(bool v6)
    {
        IPEndPoint client = _world.A.At(v6, 40000), vip = new(World.Vip(v6), WorldContent.ToB), backend = _world.B.At(v6, WorldContent.BackendPort);
        Packet syn = Packet.OfTcp(client, vip, TcpFlags.Syn);

        Outcome there = _world.FromPod(_world.A, syn).Redirected(_world.B);
        CvEvent started = there.Single(CvEventType.New);
        Assert.Equal((client, backend), (there.View.From, there.View.To));
        Assert.Equal((Abi.Address(backend.Address), Abi.Network(backend.Port)), (started.NatAddr, started.NatPort));
        Assert.Equal(vip.Address, Abi.Address(started.Key.Dst));
        Outcome back = _world.FromPod(_world.B, Packet.OfTcp(backend, client, TcpFlags.Syn | TcpFlags.Ack)).Redirected(_world.A);
        Assert.Equal((vip, client), (back.View.From, back.View.To));
        Outcome data = _world.FromPod(_world.A, syn with { Flags = TcpFlags.Ack, Payload = Packet.Pattern(333) }).Redirected(_world.B);
        Assert.Equal(backend, data.View.To);
    }
}
