using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>A proxy that was killed: its listeners are still counted, but their slots are empty. Nothing may be left to the node's own sockets.</summary>
public sealed class ProxyGoneTests : IClassFixture<World>
{
    private readonly World _world;

    public ProxyGoneTests(World world)
    {
        _world = world;
        _world.Reset();
        _world.Maps.Offer(World.Generation);
    }

    private static void Lost(Outcome outcome, CvReason reason = CvReason.ProxyDown) => Assert.Equal(0u, outcome.Dropped(reason).Mark);

    [Theory, InlineData(false), InlineData(true)]
    public void Fragments_out_of_a_pod_are_dropped(bool v6)
    {
        Packet first = Packet.OfUdp(_world.A.At(v6, 40000), new(World.Remote(v6), 53), 64) with { FragmentId = 31, MoreFragments = true };
        Lost(_world.FromPod(_world.A, first));
        Lost(_world.FromPod(_world.A, first with { FragmentOffset = 72, MoreFragments = false }));
        Lost(_world.FromPod(_world.A, first with { FragmentId = 32, FragmentOffset = 72 }), CvReason.FragmentNoFirst);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_rest_of_a_datagram_that_waits_here_is_dropped(bool v6)
    {
        Packet own = Packet.OfUdp(_world.A.At(v6, 40000), _world.B.At(v6, 53), 64) with { FragmentId = 41, MoreFragments = true };
        Packet external = own with { Source = World.External(v6), Destination = _world.C.Address(v6) };
        Outcome FromNet(Packet packet) => _world.Run(Hook.FromNet, packet, _world.C.Index);
        using (_world.OfferDatagrams())
        {
            _world.FromPod(_world.A, own with { FragmentOffset = 144 }).Passed();
            FromNet(external with { FragmentOffset = 144 }).Passed();
        }
        Lost(_world.FromPod(_world.A, own));
        Lost(_world.FromPod(_world.A, own with { FragmentOffset = 72 }));
        Lost(FromNet(external));
        Lost(FromNet(external with { FragmentOffset = 72 }));
        Assert.Equal(0u, FromNet(external with { FragmentId = 42, FragmentOffset = 72 }).Passed().Mark); // evaluated where it leaves towards the pod
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Answers_to_the_proxys_sockets_are_dropped(bool v6)
    {
        IPEndPoint client = new(World.Remote(v6), 40000);
        _world.Maps.Replies.Set(Abi.Key(_world.B.At(v6, 0), client, Packet.Udp), default);
        Lost(_world.FromPod(_world.B, Packet.OfUdp(_world.B.At(v6, 53), client)));
    }
}
