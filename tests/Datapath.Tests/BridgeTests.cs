using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Pods whose veths are ports of a bridge: nothing is assigned to what they send, and frames are addressed so that the bridge brings them where they are to go.</summary>
public sealed class BridgeTests : IClassFixture<World>
{
    private static readonly byte[] s_bridge = [0x0e, 0, 0, 0, 0, 0xbb];
    private readonly World _world;
    private readonly Workload _a, _b;

    public BridgeTests(World world)
    {
        _world = world;
        _world.Maps.Direct = CvDirect.Redirect;
        _world.Reset();
        (_a, _b) = (world.A with { HostMac = s_bridge }, world.B with { HostMac = s_bridge });
        foreach (Workload pod in (Workload[])[_a, _b]) _world.SetPod(World.Generation, pod, endpoint: CvEndpointFlag.Bridged);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_datagram_for_the_proxy_has_no_header_that_an_application_could_get(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        Packet datagram = Packet.OfUdp(_a.At(v6, 40000), new IPEndPoint(World.Remote(v6), 53));
        // The first is decided, the second goes the same way unasked.
        for (int i = 0; i < 2; i++) Assert.Equal(datagram.Build()[6..], Captured(_world.FromPod(_a, datagram)).Bytes[6..]);
        Assert.Equal((uint)CvSessionFlag.Bridged, Assert.Single(_world.Maps.Sessions.ToList()).Value.Flags);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Without_a_proxy_a_datagram_is_nobodys(bool v6) =>
        _world.FromPod(_a, Packet.OfUdp(_a.At(v6, 40000), new IPEndPoint(World.Remote(v6), 53))).Dropped(CvReason.ProxyDown);

    [Theory, InlineData(false), InlineData(true)]
    public void A_connection_for_the_proxy_is_named_to_the_socket_lookup(bool v6)
    {
        uint wanted = (uint)(v6 ? CvListenerKind.Out6 : CvListenerKind.Out4);
        using SocketGroup sockets = new(_world.Maps.Listeners);
        sockets.Add(wanted * CvAbi.MaxListeners, _world.Listen(v6));
        _world.Maps.Offer(World.Generation);
        IPEndPoint client = _a.At(v6, 40000), remote = new(World.Remote(v6), 80);
        Captured(_world.FromPod(_a, Packet.OfTcp(client, remote, TcpFlags.Syn)));
        Assert.True(_world.Maps.LookupKinds.TryGet(Abi.Key(client, remote, Packet.Tcp), out uint kind));
        Assert.Equal(wanted, kind);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_hosts_own_forwarding_gets_it_by_the_bridge(bool v6)
    {
        _world.Maps.Direct = CvDirect.HostStack;
        _world.Maps.Activate(World.Generation);
        IPEndPoint client = _a.At(v6, 40000), service = new(World.Vip(v6), WorldContent.ToB), backend = _b.At(v6, WorldContent.BackendPort);
        Outcome there = _world.FromPod(_a, Packet.OfTcp(client, service, TcpFlags.Syn)).Passed();
        Assert.Equal(backend, there.View.To);
        Assert.Equal([_b.Mac, World.PodMac], [there.View.DestinationMac, there.View.SourceMac]);
        Outcome back = _world.FromPod(_b, Packet.OfTcp(backend, client, TcpFlags.Syn | TcpFlags.Ack)).Passed();
        Assert.Equal([_a.Mac, World.PodMac], [back.View.DestinationMac, back.View.SourceMac]);
    }

    // What the bridge routes comes out of the bridge, and not of the pod's veth, which alone would prove to cv_to_pod whose it is.
    [Theory, InlineData(false), InlineData(true)]
    public void A_pod_that_is_not_at_the_bridge_is_reached_by_the_proxy_where_the_host_forwards(bool v6)
    {
        _world.Maps.Direct = CvDirect.HostStack;
        _world.SetPod(World.Generation, _world.C);
        using SocketGroup sockets = new(_world.Maps.Listeners);
        sockets.Add((uint)(v6 ? CvListenerKind.Out6 : CvListenerKind.Out4) * CvAbi.MaxListeners, _world.Listen(v6));
        _world.Maps.Offer(World.Generation);
        Captured(_world.FromPod(_a, Packet.OfTcp(_a.At(v6, 40000), _world.C.At(v6, 80), TcpFlags.Syn)));
        // A socket is chosen; to assign it is what a test run of the kernel refuses.
        _world.FromPod(_world.C, Packet.OfTcp(_world.C.At(v6, 40000), _a.At(v6, 80), TcpFlags.Syn)).Dropped(CvReason.AssignFailed);
        Assert.Empty(_world.Maps.Flows.ToList());

        // Between two that are not, the host forwards.
        _world.SetPod(World.Generation, _world.B);
        Assert.Equal(0u, _world.FromPod(_world.C, Packet.OfTcp(_world.C.At(v6, 40000), _world.B.At(v6, 80), TcpFlags.Syn)).Passed().Mark);
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_redirect_needs_no_bridge(bool v6) => _world.FromPod(_a, Packet.OfTcp(_a.At(v6, 40000), _b.At(v6, 80), TcpFlags.Syn)).Redirected(_b);

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void Attack_what_a_bridge_floods_is_nobody_elses_to_see_or_to_end(bool v6)
    {
        _world.Maps.Direct = CvDirect.HostStack;
        _world.SetPod(World.Generation, _world.C);
        _world.Maps.Activate(World.Generation);
        Outcome syn = _world.FromPod(_a, Packet.OfTcp(_a.At(v6, 40000), new IPEndPoint(World.Vip(v6), WorldContent.ToB), TcpFlags.Syn)).Passed();
        _world.Run(Hook.ToPod, syn.Bytes, _world.C.Index, _a.Index).Dropped(CvReason.Flooded);
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        _world.Run(Hook.ToPod, syn.Bytes, _b.Index, _a.Index).Passed();

        // Of a flow that nobody knows, too.
        _world.Run(Hook.ToPod, Packet.OfUdp(new(World.External(v6), 53), _b.At(v6, 40000)), _world.C.Index, _a.Index).Dropped(CvReason.Flooded);
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void Attack_what_goes_to_all_is_subject_to_the_policy_of_each(bool v6)
    {
        IPAddress all = IPAddress.Parse(v6 ? "ff02::1" : "255.255.255.255");
        Packet Broadcast(int port) => Packet.OfUdp(_a.At(v6, 40000), new IPEndPoint(all, port));
        Outcome Arrives(Workload pod, int port) => _world.Run(Hook.ToPod, _world.FromPod(_a, Broadcast(port)).Passed().Bytes, pod.Index, _a.Index);

        Arrives(_b, 5353).Passed();
        _world.SetPolicy(World.Generation, _b, CvAbi.ClassAny, 0, CvReason.PolicyNoAllow);
        Arrives(_b, 5353).Dropped(CvReason.PolicyNoAllow);
        Arrives(_world.C, WorldContent.HeaderPort).Dropped(CvReason.ProxyRequired);
    }

    private static Outcome Captured(Outcome outcome)
    {
        Assert.Equal(CvAbi.MarkCapture, outcome.Passed().Mark);
        Assert.Equal(s_bridge, outcome.View.DestinationMac);
        return outcome;
    }
}
