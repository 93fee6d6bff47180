using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Attacks;

/// <summary>A pod's address that another pod has next: what the first had open is not the second's.</summary>
[Trait("Category", "Attack")]
public sealed class AddressReuseTests : IClassFixture<World>
{
    private const uint Uplink = 99;
    private readonly World _world;

    public AddressReuseTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    public static TheoryData<bool, byte> Families => FromPodDecisionTests.Families;

    private static Packet Of(byte protocol, IPEndPoint from, IPEndPoint to) =>
        protocol == Packet.Tcp ? Packet.OfTcp(from, to, TcpFlags.Syn) : Packet.OfUdp(from, to);

    // Pod B has gone and C, strict, has its addresses.
    private Workload Replace(uint generation)
    {
        Workload next = _world.C with { Address4 = _world.B.Address4, Address6 = _world.B.Address6 };
        WorldContent.Fill(_world, generation);
        _world.Maps.Endpoints.Delete(new CvEndpointKey { Generation = generation, Ifindex = _world.B.Index });
        _world.SetPod(generation, next, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        _world.Maps.Activate(generation);
        return next;
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_answers_to_a_pod_that_is_gone_do_not_reach_the_next_owner(bool v6, byte protocol)
    {
        Packet question = Of(protocol, _world.B.At(v6, 5353), new(World.External(v6), 53));
        _world.FromPod(_world.B, question).Passed();
        Workload next = Replace(8);
        Outcome outcome = _world.Run(Hook.ToPod, question.Reply(TcpFlags.Ack), next.Index, Uplink);
        Assert.Equal([CvReason.StrictMtls], outcome.Drops);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_what_came_in_for_a_pod_that_is_gone_does_not_reach_the_next_owner(bool v6, byte protocol)
    {
        Packet first = Of(protocol, new(World.External(v6), 50000), _world.B.At(v6, 80));
        _world.ToPod(_world.B, first, Uplink).Passed();
        Workload next = Replace(8);
        Assert.Equal([CvReason.StrictMtls], _world.Run(Hook.ToPod, first with { Flags = TcpFlags.Ack }, next.Index, Uplink).Drops);
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_an_entry_of_another_veth_is_not_followed_even_before_the_policy_changes(bool v6, byte protocol)
    {
        Packet question = Of(protocol, _world.B.At(v6, 5353), new(World.External(v6), 53));
        _world.FromPod(_world.B, question).Passed();
        _world.SetPod(World.Generation, _world.A, CvAddressFlag.Strict, CvEndpointFlag.Strict);
        Assert.Equal([CvReason.Flooded], _world.Run(Hook.ToPod, question.Reply(TcpFlags.Ack), _world.A.Index, Uplink).Drops);
    }

    [Theory, MemberData(nameof(Families))]
    public void Attack_the_next_owner_does_not_inherit_ways_out(bool v6, byte protocol)
    {
        Packet first = Of(protocol, _world.A.At(v6, 40000), _world.B.At(v6, 80));
        _world.FromPod(_world.A, first).Redirected(_world.B);
        Workload next = Replace(8);
        _world.SetPolicy(8, _world.A, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        Assert.Equal([CvReason.PolicyDeny], _world.FromPod(next, first.Reply(protocol == Packet.Tcp ? TcpFlags.Syn : TcpFlags.Ack)).Drops);
    }
}
