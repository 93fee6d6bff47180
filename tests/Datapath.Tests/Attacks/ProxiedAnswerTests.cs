using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Attacks;

/// <summary>Who speaks into a connection that goes by the proxy to a Service's backend without being the proxy: by routing, as the backend or as the Service.</summary>
[Trait("Category", "Attack")]
public sealed class ProxiedAnswerTests : IClassFixture<World>
{
    private const uint Uplink = 99;
    private readonly World _world;

    public ProxiedAnswerTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    // A's connection to the Service, as A sends it and as the proxy has it. A test run can assign no socket: at a bridge the socket lookup names it.
    private (Packet Asked, Packet Proxied) Begin(bool v6)
    {
        _world.SetPod(World.Generation, _world.A, endpoint: CvEndpointFlag.Bridged);
        Packet asked = Packet.OfTcp(_world.A.At(v6, 40000), new IPEndPoint(World.Vip(v6), WorldContent.ToRemote), TcpFlags.Syn);
        using SocketGroup sockets = new(_world.Maps.Listeners);
        sockets.Add((uint)(v6 ? CvListenerKind.Backend6 : CvListenerKind.Backend4) * CvAbi.MaxListeners, _world.Listen(v6));
        _world.Maps.Offer(World.Generation);
        PacketView captured = _world.FromPod(_world.A, asked).Passed().View;
        Assert.Equal(new IPEndPoint(World.Remote(v6), WorldContent.BackendPort), captured.To);
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        return (asked, Packet.OfTcp(captured.From, captured.To, TcpFlags.Syn));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_nobody_answers_in_the_place_of_the_proxy(bool v6)
    {
        (Packet asked, Packet proxied) = Begin(v6);
        foreach (Packet question in (Packet[])[asked, proxied])
        {
            foreach (TcpFlags flags in (TcpFlags[])[TcpFlags.Syn | TcpFlags.Ack, TcpFlags.Ack, TcpFlags.Ack | TcpFlags.Fin, TcpFlags.Rst, TcpFlags.Rst | TcpFlags.Ack, TcpFlags.Syn])
            {
                _world.ToPod(_world.A, question.Reply(flags), Uplink).Dropped(CvReason.SpoofedSource);
                _world.ToPod(_world.A, question.Reply(flags) with { Payload = [1, 2, 3] }, Uplink).Dropped(CvReason.SpoofedSource);
                _world.ToPod(_world.A, question.Reply(flags), Uplink, CvAbi.MarkProxy);
                if (!flags.HasFlag(TcpFlags.Rst)) _world.ToPod(_world.A, question.Reply(flags)).Dropped(CvReason.SpoofedSource);
            }
        }
        CvFlow flow = Assert.Single(_world.Maps.Flows.ToList(), f => (f.Value.Flags & (ushort)CvFlowFlag.Reply) == 0).Value;
        Assert.Equal(0, flow.Flags & (ushort)(CvFlowFlag.Closed | CvFlowFlag.Fin | CvFlowFlag.Established));
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_refusal_by_the_nodes_own_rules_has_the_Services_address(bool v6)
    {
        (Packet asked, Packet proxied) = Begin(v6);
        PacketView reset = _world.ToPod(_world.A, proxied.Reply(TcpFlags.Rst | TcpFlags.Ack)).Passed().View;
        Assert.Equal((new IPEndPoint(asked.Destination, asked.DestinationPort), new IPEndPoint(asked.Source, asked.SourcePort)), (reset.From, reset.To));
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_nobody_elsewhere_has_errors_to_tell_of_it(bool v6)
    {
        (Packet asked, Packet proxied) = Begin(v6);
        foreach (Packet question in (Packet[])[asked, proxied])
        {
            foreach (IPAddress router in (IPAddress[])[World.External(v6), question.Destination])
                _world.ToPod(_world.A, Packet.OfIcmpError(router, _world.A.Address(v6), question.Build()), Uplink).Dropped(CvReason.ForeignError);
        }
        // The node itself has: its rules may refuse the backend.
        PacketView told = _world.ToPod(_world.A, Packet.OfIcmpError(World.Node(v6), _world.A.Address(v6), proxied.Build())).Passed().View;
        Assert.Equal(new IPEndPoint(asked.Destination, asked.DestinationPort), told.Quoted.To);
    }

    // What it says itself, to a port that its client also has to the proxy, would be taken for the proxy's.
    [Theory, InlineData(false), InlineData(true)]
    public void A_backend_of_the_node_itself_gets_no_entry(bool v6)
    {
        _world.SetService(World.Generation, v6, 90, 20, default, _world.C.Address(v6));
        using SocketGroup sockets = new(_world.Maps.Listeners);
        sockets.Add((uint)(v6 ? CvListenerKind.Out6 : CvListenerKind.Out4) * CvAbi.MaxListeners, _world.Listen(v6));
        _world.Maps.Offer(World.Generation);
        _world.SetPod(World.Generation, _world.A, endpoint: CvEndpointFlag.Bridged);
        IPEndPoint service = new(World.Vip(v6), 90);
        Assert.Equal(service, _world.FromPod(_world.A, Packet.OfTcp(_world.A.At(v6, 40000), service, TcpFlags.Syn)).Passed().View.To);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_error_of_the_pod_about_it_goes_to_the_proxys_socket(bool v6)
    {
        (Packet asked, Packet proxied) = Begin(v6);
        Outcome sent = _world.FromPod(_world.A, Packet.OfIcmpError(_world.A.Address(v6), asked.Destination, asked.Reply().Build())).Passed();
        Assert.Equal(CvAbi.MarkCapture, sent.Mark & CvAbi.MarkMask);
        Assert.Equal(proxied.Destination, sent.View.Destination);
        Assert.Equal(new IPEndPoint(proxied.Destination, proxied.DestinationPort), sent.View.Quoted.From);
    }
}
