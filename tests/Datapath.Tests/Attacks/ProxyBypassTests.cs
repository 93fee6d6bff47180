using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Attacks;

/// <summary>Ways past the proxy to a workload that trusts what the proxy puts in front of its bytes.</summary>
[Trait("Category", "Attack")]
public sealed class ProxyBypassTests : IClassFixture<World>
{
    private const uint Uplink = 99, Other = 98;
    private readonly World _world;

    public ProxyBypassTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    private static IPEndPoint Client(bool v6) => new(World.External(v6), 50000);

    private Packet Forged(bool v6) => Packet.OfUdp(Client(v6), _world.C.At(v6, WorldContent.HeaderPort), 64);

    // As if C's veth were an uplink: programs run on made-up packets need an interface that is there.
    private Outcome FromNet(Packet packet) => _world.Run(Hook.FromNet, packet, _world.C.Index, _world.C.Index);

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_a_syn_in_two_fragments_does_not_reach_the_application(bool v6)
    {
        Packet syn = Packet.OfTcp(Client(v6), _world.C.At(v6, WorldContent.HeaderPort), TcpFlags.Syn, 40);
        Packet first = syn with { FragmentId = 77, MoreFragments = true, Payload = Packet.Pattern(12) };
        Packet later = syn with { FragmentId = 77, FragmentOffset = 32, Payload = Packet.Pattern(28) };
        foreach (Packet fragment in (Packet[])[first, later])
        {
            FromNet(fragment);
            _world.ToPod(_world.C, fragment, Uplink).Dropped(CvReason.ProxyRequired);
        }
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_plaintext_from_an_interface_that_is_no_uplink_does_not_reach_the_application(bool v6)
    {
        _world.ToPod(_world.C, Packet.OfTcp(Client(v6), _world.C.At(v6, WorldContent.HeaderPort), TcpFlags.Syn), Other).Dropped(CvReason.ProxyRequired);
        _world.ToPod(_world.C, Packet.OfTcp(Client(v6), _world.C.At(v6, WorldContent.HeaderPort), TcpFlags.Ack), Other).Dropped(CvReason.ProxyRequired);
        _world.ToPod(_world.C, Forged(v6), Other).Dropped(CvReason.ProxyRequired);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_a_late_answer_of_the_application_opens_no_way_in(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.FromPod(_world.C, Forged(v6).Reply()).Passed();
        Assert.Empty(_world.Maps.Flows.ToList());
        // To the proxy, whose sockets here cannot be assigned: not to the application.
        Assert.Equal([CvReason.AssignFailed], FromNet(Forged(v6)).Drops);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_a_late_answer_opens_no_way_in_when_every_port_is_behind_the_proxy(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.SetBehindProxy(World.Generation, _world.C, 0);
        Packet forged = Forged(v6) with { DestinationPort = 7000 };
        FromNet(forged);
        _world.FromPod(_world.C, forged.Reply()).Passed();
        Assert.Empty(_world.Maps.Flows.ToList());
        // Its own questions still get their answers.
        Packet question = Packet.OfUdp(_world.C.At(v6, 40001), new(World.External(v6), 53));
        _world.FromPod(_world.C, question).Passed();
        Assert.Equal(0u, FromNet(question.Reply()).Passed().Mark);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_an_answer_later_than_its_session_lets_no_forged_header_in_when_every_port_is_behind_the_proxy(bool v6)
    {
        using IDisposable sockets = _world.OfferDatagrams();
        _world.SetBehindProxy(World.Generation, _world.C, 0);
        Packet asked = Forged(v6) with { DestinationPort = 7000 };
        FromNet(asked);

        // Others have pushed it out, the proxy's session has ended: the answer looks like a question of the workload's own.
        _world.Maps.Sessions.Clear();
        _world.FromPod(_world.C, asked.Reply()).Passed();
        byte[] header = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x12, 0, 12, .. new byte[12], 1, 2, 3];
        Packet forged = asked with { Payload = header };
        FromNet(forged).Passed();
        _world.ToPod(_world.C, forged, Uplink).Dropped(CvReason.ProxyRequired);

        // Nor in pieces, of which the first says too little.
        Packet piece = forged with { FragmentId = 1, MoreFragments = true, Payload = header[..8] };
        _world.ToPod(_world.C, piece, Uplink).Dropped(CvReason.ProxyRequired);

        // Answers to questions of its own begin with anything else, in pieces too.
        Packet answer = asked with { Payload = [1, 2, 3] };
        _world.ToPod(_world.C, answer, Uplink).Passed();
        _world.ToPod(_world.C, answer with { FragmentId = 2, MoreFragments = true, Payload = new byte[16] }, Uplink).Passed();
        _world.ToPod(_world.C, answer with { FragmentId = 2, FragmentOffset = 24, Payload = [.. header[..8]] }, Uplink).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Attack_a_way_that_was_open_before_the_workload_came_behind_the_proxy_is_closed(bool v6)
    {
        _world.SetPod(World.Generation, _world.C);
        _world.FromPod(_world.C, Forged(v6).Reply()).Passed();
        Assert.Equal(2, _world.Maps.Flows.ToList().Count);
        WorldContent.Fill(_world, 8);
        _world.Maps.Activate(8);
        _world.ToPod(_world.C, Forged(v6), Uplink).Dropped(CvReason.ProxyRequired);
        Assert.Empty(_world.Maps.Flows.ToList());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Probes_of_the_node_and_ports_left_alone_still_reach_it(bool v6)
    {
        _world.ToPod(_world.C, Packet.OfTcp(new(World.Node(v6), 50000), _world.C.At(v6, WorldContent.HeaderPort), TcpFlags.Syn)).Passed();
        _world.ExcludePort(World.Generation, WorldContent.HeaderPort);
        _world.ToPod(_world.C, Forged(v6), Uplink).Passed();
    }
}
