using System.Net;
using System.Runtime.InteropServices;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>What the agent sends in a pod's name passes without policy; what the pod makes look like it does not.</summary>
public sealed class DeliveryProbeTests : IDisposable
{
    private const ushort From = 40200, To = 50200;
    private const ulong Number = 0x1122334455667788;

    private readonly World _world = new(o => o.SetConfig("cv_cfg_probe_from", From).SetConfig("cv_cfg_probe_to", To));

    public DeliveryProbeTests()
    {
        _world.Reset();
        _world.SetEgressPolicy(World.Generation, _world.A, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
    }

    public static TheoryData<bool> Families => [false, true];

    public void Dispose() => _world.Dispose();

    [Theory, MemberData(nameof(Families))]
    public void What_the_agent_says_it_sends_is_captured_or_goes_on_whatever_policy_says_and_only_once(bool v6)
    {
        Announce(v6);
        _world.FromPod(_world.A, Probe(v6)).Captured();
        Refused(Probe(v6));

        Announce(v6);
        Assert.Equal(0u, _world.FromPod(_world.A, Probe(v6, from: From + 1)).Passed().Mark & CvAbi.MarkMask);
        Refused(Probe(v6, from: From + 1));
    }

    [Theory, MemberData(nameof(Families))]
    public void It_is_captured_at_a_link_that_nothing_is_known_of_yet(bool v6)
    {
        const uint New = 1; // lo: a link without an endpoint
        _world.Maps.Probes.Set(Number, Sent(v6) with { Link = New });
        _world.Run(Hook.FromPod, Probe(v6), New, ingress: New).Captured();
        _world.Run(Hook.FromPod, Probe(v6), New, ingress: New).Dropped(CvReason.NoEndpoint);
    }

    [Theory, MemberData(nameof(Families))]
    public void Its_ports_alone_make_nothing_a_probe(bool v6)
    {
        Refused(Probe(v6));
        Refused(Probe(v6, from: From + 1));
        Announce(v6);
        Refused(Probe(v6, number: Number + 1));
        Refused(Probe(v6) with { Destination = World.External(v6) });
        Refused(Probe(v6, from: From + 2));
        Refused(Probe(v6) with { Payload = [.. Probe(v6).Payload, 0] });
        _world.FromPod(_world.A, Probe(v6)).Captured();
    }

    [Theory, MemberData(nameof(Families))]
    public void One_that_is_sent_in_another_pods_name_is_none_of_this_pods(bool v6)
    {
        _world.Maps.Probes.Set(Number, Sent(v6) with { Link = _world.B.Index });
        Refused(Probe(v6));
        _world.Maps.Probes.Set(Number, Sent(v6) with { Src = Abi.Address(_world.B.At(v6, 0).Address) });
        Refused(Probe(v6));
    }

    [Theory, MemberData(nameof(Families))]
    public void What_the_pod_has_sent_between_the_ports_before_takes_none(bool v6)
    {
        _world.Reset();
        using IDisposable sockets = _world.OfferDatagrams();
        Packet toB = Probe(v6) with { Destination = _world.B.At(v6, 0).Address };
        _world.FromPod(_world.A, Probe(v6)).Dropped(CvReason.AssignFailed);
        _world.FromPod(_world.A, toB).Redirected(_world.B);
        Assert.NotNull(_world.Maps.Session(KeyTo(World.Remote(v6))));
        Assert.NotNull(_world.Maps.Flow(KeyTo(toB.Destination)));

        Announce(v6);
        _world.FromPod(_world.A, Probe(v6)).Captured();
        _world.Maps.Probes.Set(Number, Sent(v6) with { Dst = Abi.Address(toB.Destination) });
        _world.FromPod(_world.A, toB).Captured();

        // And what it goes on to send has its way.
        _world.FromPod(_world.A, Probe(v6)).Dropped(CvReason.AssignFailed);
        _world.FromPod(_world.A, toB).Redirected(_world.B);

        CvFlowKey KeyTo(IPAddress to) => Abi.Key(_world.A.At(v6, From), new IPEndPoint(to, To), Packet.Udp);
    }

    [Theory, MemberData(nameof(Families))]
    public void A_pod_that_is_captured_inside_its_namespace_has_none(bool v6)
    {
        Workload inside = _world.SetInside(World.Generation, _world.A, 5);
        _world.SetEgressPolicy(World.Generation, inside, CvAbi.ClassAny, CvReason.NetworkPolicyEgress);
        Announce(v6);
        Assert.Equal([CvReason.NetworkPolicyEgress], _world.FromPod(inside, Probe(v6)).Drops);
    }

    // Policy refuses it, as all that the pod sends.
    private void Refused(Packet packet) => Assert.Equal([CvReason.NetworkPolicyEgress], _world.FromPod(_world.A, packet).Drops);

    private void Announce(bool v6) => _world.Maps.Probes.Set(Number, Sent(v6));

    private CvProbe Sent(bool v6) => new() { Src = Abi.Address(_world.A.At(v6, 0).Address), Dst = Abi.Address(World.Remote(v6)), Link = _world.A.Index, Turns = 1 };

    private Packet Probe(bool v6, ushort from = From, ulong number = Number) =>
        Packet.OfUdp(_world.A.At(v6, from), new IPEndPoint(World.Remote(v6), To)) with { Payload = MemoryMarshal.AsBytes(new ReadOnlySpan<ulong>(in number)).ToArray() };
}
