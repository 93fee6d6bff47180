using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Packets arriving at the node.</summary>
public sealed class FromNetTests : IClassFixture<World>
{
    private readonly World _world;

    public FromNetTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    private Outcome Run(Packet packet) => _world.Run(Hook.FromNet, packet, _world.C.Index);

    private static Packet Syn(bool v6, IPEndPoint to) => Packet.OfTcp(new(World.External(v6), 50000), to, TcpFlags.Syn);

    [Theory, InlineData(false), InlineData(true)]
    public void What_is_not_for_a_workload_here_is_left_alone(bool v6)
    {
        foreach (IPAddress to in (IPAddress[])[World.Node(v6), World.Remote(v6), World.Vip(v6), World.External(v6)])
        {
            Assert.Equal(0u, Run(Syn(v6, new(to, 15008))).Passed().Mark);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Plain_packets_for_a_workload_here_go_on_to_be_evaluated_there(bool v6)
    {
        Assert.Equal(0u, Run(Syn(v6, _world.A.At(v6, 80))).Passed().Mark);
        Run(Packet.OfUdp(new(World.External(v6), 1), _world.A.At(v6, 15008))).Passed();
        Run(Packet.OfIcmp(World.External(v6), _world.A.Address(v6), v6 ? (byte)128 : (byte)8)).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_tunnel_without_a_listener_is_dropped_silently(bool v6)
    {
        Run(Syn(v6, _world.A.At(v6, 15008))).Dropped(CvReason.ProxyDown);
        Run(Syn(v6, _world.A.At(v6, 15008)) with { Flags = TcpFlags.Ack }).Dropped(CvReason.ProxyDown);
        Run(Syn(v6, _world.A.At(v6, 15008)) with { Flags = TcpFlags.Rst }).Dropped(CvReason.NotAConnection);
        Run(Syn(v6, _world.A.At(v6, 15008)) with { Flags = TcpFlags.Syn | TcpFlags.Ack }).Dropped(CvReason.NotAConnection);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_cannot_be_read_is_the_kernels_to_evaluate(bool v6) =>
        _world.Run(Hook.FromNet, Syn(v6, _world.A.At(v6, 15008)).Build()[..(v6 ? 60 : 40)], _world.C.Index).Passed();

    private static IPEndPoint External(bool v6) => new(World.External(v6), 50000);

    private Packet ToC(bool v6, int payload = 32) => Packet.OfUdp(External(v6), _world.C.At(v6, 53), payload);

    [Theory, InlineData(false), InlineData(true)]
    public void Datagrams_for_a_workload_behind_the_proxy_go_there_with_a_header(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        for (int i = 0; i < 2; i++)
        {
            Outcome outcome = Run(ToC(v6)).Dropped(CvReason.AssignFailed);
            ProxyHeader header = ProxyHeader.Read(outcome.Bytes.AsSpan(outcome.View.L4 + 8));
            Assert.Equal((External(v6), _world.C.At(v6, 53), (0u, _world.C.Index, World.Generation, (uint)CvSessionFlag.External)), (header.From, header.To, header.Endpoint));
        }
        Assert.Equal(0u, Run(ToC(v6) with { Destination = _world.A.Address(v6) }).Passed().Mark);
        _world.ExcludePort(World.Generation, 54);
        Run(ToC(v6) with { DestinationPort = 54 }).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Datagrams_for_the_proxy_are_dropped_for_every_reason_there_is(bool v6)
    {
        Run(ToC(v6)).Dropped(CvReason.ProxyDown);
        Run(ToC(v6) with { Source = _world.A.Address(v6) }).Dropped(CvReason.SpoofedSource);
        Run(ToC(v6) with { Source = World.Node(v6) }).Dropped(CvReason.SpoofedSource);
        _world.SetPolicy(World.Generation, _world.C, 0, 54, CvReason.PolicyDeny);
        Run(ToC(v6) with { DestinationPort = 54 }).Dropped(CvReason.PolicyDeny).Single(CvEventType.Denied);
        _world.SetPod(World.Generation, _world.C, CvAddressFlag.Proxy | CvAddressFlag.Trusts);
        Run(ToC(v6) with { DestinationPort = 54 }).Dropped(CvReason.ProxyDown); // a load balancer may speak: the proxy knows for whom
        _world.SetPod(World.Generation, _world.C, CvAddressFlag.Proxy | CvAddressFlag.Trusts | CvAddressFlag.Strict);
        Run(ToC(v6) with { DestinationPort = 55 }).Dropped(CvReason.StrictMtls).Single(CvEventType.Denied);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_older_flow_gives_way_unless_the_workload_began_it(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.SetPod(World.Generation, _world.C);
        _world.ToPod(_world.C, ToC(v6), 99).Passed();
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        _world.SetPod(World.Generation, _world.C, CvAddressFlag.Proxy);
        Run(ToC(v6)).Dropped(CvReason.AssignFailed);
        Assert.Empty(_world.Maps.Flows.ToList());
        _world.FromPod(_world.C, Packet.OfUdp(_world.C.At(v6, 56), External(v6))).Passed();
        Assert.Equal(0u, Run(ToC(v6) with { DestinationPort = 56 }).Passed().Mark);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Fragments_go_without_a_header_in_any_order(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        uint id = 900;
        foreach (Workload to in (Workload[])[_world.C, _world.A])
        {
            Packet first = Packet.OfUdp(External(v6), to.At(v6, 53), 64) with { FragmentId = ++id, MoreFragments = true };
            Packet later = first with { FragmentOffset = 72, MoreFragments = false };
            foreach (Packet fragment in (Packet[])[later, first, later])
            {
                Outcome outcome = Run(fragment).Passed();
                Assert.Equal(CvAbi.MarkCapture, outcome.Mark);
                Assert.Equal(fragment.Build(), outcome.Bytes);
            }
            id++;
            Assert.Equal(to == _world.C ? CvAbi.MarkCapture : 0, Run(first with { FragmentId = id }).Passed().Mark);
            Assert.Equal(to == _world.C ? CvAbi.MarkCapture : 0, Run(later with { FragmentId = id }).Passed().Mark);
        }
        Packet stranger = ToC(v6, 64) with { FragmentId = ++id, FragmentOffset = 72 };
        Assert.Equal(0u, Run(stranger with { Destination = World.Remote(v6) }).Passed().Mark);
        Assert.Equal(0u, Run(stranger with { Protocol = Packet.Tcp }).Passed().Mark);
        _world.Maps.Activate(World.Generation);
        Assert.Equal(0u, Run(stranger).Passed().Mark);
        _world.Maps.Activate(0);
        Assert.Equal(0u, Run(stranger).Passed().Mark);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_reassembled_datagram_that_policy_refuses_is_never_whole(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.SetPolicy(World.Generation, _world.A, 0, 53, CvReason.PolicyDeny);
        Packet first = Packet.OfUdp(External(v6), _world.A.At(v6, 53), 64) with { FragmentId = 950, MoreFragments = true };
        Assert.Equal(CvAbi.MarkCapture, Run(first with { FragmentOffset = 72, MoreFragments = false }).Passed().Mark);
        Run(first).Dropped(CvReason.PolicyDeny);
        Assert.Empty(_world.Maps.Sessions.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Connections_to_a_workload_behind_the_proxy_go_to_its_outbound_listeners(bool v6)
    {
        Packet syn = Syn(v6, _world.C.At(v6, 80));
        Run(syn).Dropped(CvReason.ProxyDown);
        Run(syn with { Flags = TcpFlags.Ack }).Dropped(CvReason.ProxyDown); // may answer a SYN cookie
        Run(syn with { Flags = TcpFlags.Rst }).Passed();
        Run(syn with { Flags = TcpFlags.Syn | TcpFlags.Ack }).Passed();
        Run(syn with { Source = _world.A.Address(v6) }).Dropped(CvReason.SpoofedSource);
        using System.Net.Sockets.Socket listener = _world.Listen(v6);
        _world.Maps.Listeners.SetDescriptor((uint)(v6 ? CvListenerKind.Out6 : CvListenerKind.Out4) * CvAbi.MaxListeners, listener.SafeHandle);
        _world.Maps.Offer(World.Generation);
        Run(syn).Dropped(CvReason.AssignFailed);
        _world.ExcludePort(World.Generation, 80);
        Run(syn).Passed();
        _world.SetPod(World.Generation, _world.C, CvAddressFlag.Proxy | CvAddressFlag.Strict);
        Run(syn with { DestinationPort = 81 }).Passed(); // refused with a reset on its way to the pod
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Connections_that_are_older_than_the_workloads_place_behind_the_proxy_go_on(bool v6)
    {
        Packet syn = Syn(v6, _world.C.At(v6, 80));
        _world.SetPod(World.Generation, _world.C);
        _world.ToPod(_world.C, syn, 99).Passed();
        _world.SetPod(World.Generation, _world.C, CvAddressFlag.Proxy);
        Run(syn with { Flags = TcpFlags.Ack }).Passed();
        _world.FromPod(_world.C, Packet.OfTcp(_world.C.At(v6, 4000), External(v6), TcpFlags.Syn)).Passed();
        Run(Packet.OfTcp(External(v6), _world.C.At(v6, 4000), TcpFlags.Syn | TcpFlags.Ack)).Passed();
        Run(Packet.OfTcp(External(v6), _world.C.At(v6, 4000), TcpFlags.Syn)).Passed(); // both begin at once
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Icmp_errors_about_the_proxys_answers_reach_its_sockets(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Run(ToC(v6)).Dropped(CvReason.AssignFailed);
        Packet error = Packet.OfIcmpError(World.External(v6), _world.C.Address(v6), ToC(v6).Reply().Build());
        Assert.Equal(CvAbi.MarkCapture, Run(error).Passed().Mark);
        Assert.Equal(0u, Run(Packet.OfIcmpError(World.External(v6), _world.C.Address(v6), (ToC(v6) with { SourcePort = 1 }).Reply().Build())).Passed().Mark);
    }
}
