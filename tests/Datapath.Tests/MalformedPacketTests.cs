using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>Everything about a packet that can be wrong or unusual before its destination matters.</summary>
public sealed class MalformedPacketTests : IClassFixture<World>
{
    private readonly World _world;

    public MalformedPacketTests(World world)
    {
        _world = world;
        _world.Reset();
    }

    private Packet Syn(bool v6) => Packet.OfTcp(_world.A.At(v6, 40000), _world.B.At(v6, 80), TcpFlags.Syn);

    private Packet Datagram(bool v6, int payload = 32) => Packet.OfUdp(_world.A.At(v6, 40000), _world.B.At(v6, 80), payload);

    private Outcome Run(byte[] bytes) => _world.Run(Hook.FromPod, bytes, _world.A.Index, _world.A.Index);

    [Theory, InlineData(false), InlineData(true)]
    public void Truncation_anywhere_is_malformed(bool v6)
    {
        byte[] whole = Syn(v6).Build();
        for (int length = v6 ? 60 : 40; length < whole.Length; length += 7)
            Run(whole[..length]).Dropped(CvReason.Malformed);
    }

    [Theory]
    [InlineData(false, 14, 0x54)] // version 5
    [InlineData(false, 14, 0x44)] // header of 16 bytes
    [InlineData(false, 14, 0x4f)] // header longer than the packet says
    [InlineData(false, 17, 19)]   // total length below the header
    [InlineData(false, 17, 200)]  // total length beyond the frame
    [InlineData(false, 46, 0x40)] // TCP header of 16 bytes
    [InlineData(false, 46, 0xf0)] // TCP header beyond the packet
    [InlineData(true, 14, 0x50)]
    [InlineData(true, 19, 200)]
    [InlineData(true, 66, 0x40)]
    [InlineData(true, 66, 0xf0)]
    public void Contradicting_headers_are_malformed(bool v6, int at, byte value)
    {
        byte[] bytes = Syn(v6).Build();
        bytes[at] = value;
        Run(bytes).Dropped(CvReason.Malformed).Single(CvEventType.Dropped);
    }

    [Theory, InlineData(false, 7), InlineData(false, 200), InlineData(true, 7), InlineData(true, 200)]
    public void A_datagram_length_that_contradicts_the_packet_is_malformed(bool v6, byte length)
    {
        byte[] bytes = Datagram(v6).Build();
        bytes[(v6 ? 54 : 34) + 5] = length;
        Run(bytes).Dropped(CvReason.Malformed);
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void A_source_that_is_not_the_pods_is_spoofed(bool v6)
    {
        _world.FromPod(_world.A, Syn(v6) with { Source = _world.B.Address(v6) }).Dropped(CvReason.SpoofedSource).Single(CvEventType.Dropped);
        _world.FromPod(_world.A, Packet.OfIcmp(World.External(v6), World.Remote(v6), v6 ? (byte)128 : (byte)8)).Dropped(CvReason.SpoofedSource);
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void A_flows_addresses_do_not_serve_another_pod(bool v6)
    {
        _world.FromPod(_world.A, Syn(v6)).Redirected(_world.B);
        _world.FromPod(_world.C, Syn(v6) with { Flags = TcpFlags.Ack }).Dropped(CvReason.SpoofedSource);
    }

    [Fact]
    public void A_link_local_source_is_for_icmp_only()
    {
        IPAddress local = IPAddress.Parse("fe80::1234");
        _world.FromPod(_world.A, Packet.OfIcmp(local, World.External(true), 128)).Passed();
        _world.FromPod(_world.A, Datagram(true) with { Source = local }).Dropped(CvReason.SpoofedSource);
    }

    [Fact]
    public void Addresses_that_stand_for_none_or_for_ipv4_are_refused()
    {
        _world.FromPod(_world.A, Datagram(true) with { Source = IPAddress.IPv6Any }).Dropped(CvReason.SpoofedSource);
        _world.Maps.Endpoints.Set(new CvEndpointKey { Generation = World.Generation, Ifindex = _world.A.Index }, new CvEndpoint { Addr4 = Abi.Address(_world.A.Address4) });
        _world.FromPod(_world.A, Datagram(true) with { Source = IPAddress.IPv6Any }).Dropped(CvReason.SpoofedSource);
        _world.FromPod(_world.A, Datagram(true)).Dropped(CvReason.SpoofedSource);
        _world.FromPod(_world.A, Datagram(true) with { Source = _world.A.Address4.MapToIPv6() }).Dropped(CvReason.Malformed);
        _world.FromPod(_world.A, Datagram(true) with { Destination = _world.B.Address4.MapToIPv6() }).Dropped(CvReason.Malformed);
    }

    [Theory, InlineData(133, 255), InlineData(135, 255), InlineData(136, 255), InlineData(130, 1), InlineData(131, 1), InlineData(143, 1)]
    public void Neighbour_discovery_and_multicast_listening_are_left_alone(byte type, byte hops)
    {
        Packet packet = Packet.OfIcmp(IPAddress.Parse("::"), IPAddress.Parse("ff02::1"), type) with { HopLimit = hops };
        _world.FromPod(_world.A, packet).Passed();
        _world.ToPod(_world.A, packet).Passed();
        _world.FromPod(_world.A, packet with { Destination = World.Node(true) }).Passed();
    }

    [Theory, InlineData(133), InlineData(135), InlineData(136), InlineData(130), InlineData(131), InlineData(143), InlineData(137)]
    [Trait("Category", "Attack")]
    public void Attack_neighbour_discovery_as_a_way_past_policy_ends_at_its_link(byte type)
    {
        Packet packet = Packet.OfIcmp(_world.A.Address6, World.Remote(true), type, payload: Packet.Pattern(800)) with { HopLimit = 64 };
        _world.FromPod(_world.A, packet).Dropped(CvReason.NeighbourScope);
        _world.ToPod(_world.A, packet with { Source = World.External(true), Destination = _world.A.Address6 }, 99).Dropped(CvReason.NeighbourScope);
        byte hops = type is 130 or 131 or 143 ? (byte)1 : (byte)255;
        _world.FromPod(_world.A, packet with { Destination = IPAddress.Parse("ff0e::1"), HopLimit = hops }).Dropped(CvReason.NeighbourScope);
    }

    [Theory, InlineData(133), InlineData(135), InlineData(136)]
    [Trait("Category", "Attack")]
    public void Attack_a_pod_asks_neighbours_in_its_own_name_only(byte type)
    {
        Packet packet = Packet.OfIcmp(_world.A.Address6, World.External(true), type, payload: Packet.Pattern(64)) with { HopLimit = 255 };
        _world.FromPod(_world.A, packet).Passed();
        _world.FromPod(_world.A, packet with { Source = IPAddress.Parse("fe80::a") }).Passed(); // as its router, too, no router hands it on
        foreach (IPAddress other in new[] { _world.B.Address6, IPAddress.Parse("2001:db8::77") })
        {
            _world.FromPod(_world.A, packet with { Source = other }).Dropped(CvReason.SpoofedSource);
            _world.FromPod(_world.A, packet with { Source = other, Destination = IPAddress.Parse("fe80::1") }).Passed();
        }

        // Nobody's name is its own while it is not known who it is.
        _world.Maps.Endpoints.Delete(new CvEndpointKey { Generation = World.Generation, Ifindex = _world.A.Index });
        _world.FromPod(_world.A, packet).Dropped(CvReason.NoEndpoint);
        _world.FromPod(_world.A, packet with { Source = IPAddress.Parse("fe80::a") }).Passed();
    }

    [Theory, InlineData(134), InlineData(137)]
    [Trait("Category", "Attack")]
    public void Attack_a_pod_that_speaks_for_a_router_is_not_heard(byte type)
    {
        Packet packet = Packet.OfIcmp(IPAddress.Parse("fe80::a"), IPAddress.Parse("ff02::1"), type) with { HopLimit = 255 };
        _world.FromPod(_world.A, packet).Dropped(CvReason.NeighbourScope);
        _world.ToPod(_world.A, packet).Passed();
    }

    [Fact]
    public void Arp_is_left_alone_and_other_ethertypes_are_not()
    {
        _world.FromPod(_world.A, Syn(false) with { EtherType = 0x0806 }).Passed();
        _world.FromPod(_world.A, Syn(false) with { EtherType = 0x88cc }).Dropped(CvReason.UnsupportedProtocol);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Other_protocols_are_refused(bool v6)
    {
        _world.FromPod(_world.A, Syn(v6) with { Protocol = 132, Payload = Packet.Pattern(40) }).Dropped(CvReason.UnsupportedProtocol);
        _world.FromPod(_world.A, Syn(v6) with { Protocol = v6 ? Packet.Icmp : Packet.Icmp6, Payload = Packet.Pattern(40) }).Dropped(CvReason.UnsupportedProtocol);
    }

    [Fact]
    public void Ip_options_are_carried()
    {
        Packet syn = Syn(false) with { Options = [7, 7, 4, 0, 0, 0, 0, 0], Destination = World.Vip(false), DestinationPort = WorldContent.ToB };
        Assert.Equal(_world.B.At(false, WorldContent.BackendPort), _world.FromPod(_world.A, syn).Redirected(_world.B).View.To);
        _world.SetPolicy(World.Generation, _world.B, CvAbi.ClassAny, 0, CvReason.PolicyDeny);
        _world.FromPod(_world.A, syn with { SourcePort = 5 }).Dropped(CvReason.PolicyDeny);
    }

    [Fact]
    public void Extension_headers_are_walked_up_to_six()
    {
        (byte, byte[])[] Some(int n) => [.. Enumerable.Range(0, n).Select(i => ((byte)(i == 0 ? 0 : 60), new byte[i % 2 == 0 ? 8 : 16].Select((_, at) => (byte)(at == 1 && i % 2 == 1 ? 1 : 0)).ToArray()))];
        for (int n = 1; n <= 6; n++)
            Assert.Equal(Outcome.Redirect, _world.FromPod(_world.A, Syn(true) with { SourcePort = (ushort)n, Extensions = Some(n) }).Code);
        _world.FromPod(_world.A, Syn(true) with { Extensions = Some(7) }).Dropped(CvReason.ExtensionHeaders);
        _world.FromPod(_world.A, Syn(true) with { Extensions = [(59, new byte[8])] }).Dropped(CvReason.UnsupportedProtocol);
        _world.FromPod(_world.A, Syn(true) with { Extensions = [(60, [0, 200, 0, 0, 0, 0, 0, 0])] }).Dropped(CvReason.Malformed);
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void What_may_not_leave_does_not_leave_in_fragments_without_a_first(bool v6)
    {
        Packet later = Packet.OfUdp(_world.A.At(v6, 40000), new(World.External(v6), 53), 64) with { FragmentId = 97, FragmentOffset = 72 };
        _world.FromPod(_world.A, later).Passed();
        _world.SetEgressPolicySet(World.Generation, _world.A, 4711);
        _world.FromPod(_world.A, later with { FragmentId = 96 }).Dropped(CvReason.FragmentNoFirst);
        _world.FromPod(_world.A, later with { FragmentId = 95, MoreFragments = true }).Dropped(CvReason.FragmentNoFirst);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Later_fragments_follow_the_first(bool v6)
    {
        Packet first = Packet.OfUdp(_world.A.At(v6, 40000), new(World.Vip(v6), WorldContent.ToB), 64) with { FragmentId = 99, MoreFragments = true };
        Packet later = first with { FragmentOffset = 72, MoreFragments = false };
        _world.FromPod(_world.A, later with { FragmentId = 98 }).Dropped(CvReason.FragmentNoFirst);
        Assert.Equal(Outcome.Redirect, _world.FromPod(_world.A, first).Code);
        Outcome second = _world.FromPod(_world.A, later);
        Assert.Equal(Outcome.Redirect, second.Code);
        byte[] expected = _world.B.Address(v6).GetAddressBytes();
        Assert.Equal(expected, second.Bytes.AsSpan(v6 ? 38 : 30, expected.Length).ToArray());
        Assert.Equal(later.Build()[(v6 ? 62 : 34)..], second.Bytes[(v6 ? 62 : 34)..]);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void An_unknown_veth_and_a_missing_generation_close_everything(bool v6)
    {
        _world.Maps.Endpoints.Delete(new CvEndpointKey { Generation = World.Generation, Ifindex = _world.A.Index });
        _world.FromPod(_world.A, Syn(v6)).Dropped(CvReason.NoEndpoint).Single(CvEventType.Dropped);
        _world.ToPod(_world.A, Syn(v6).Reply()).Dropped(CvReason.NoEndpoint);
        _world.ToPod(_world.A, Packet.OfIcmp(World.External(v6), _world.A.Address(v6), v6 ? (byte)128 : (byte)8)).Dropped(CvReason.NoEndpoint);
        _world.Maps.Activate(0);
        _world.FromPod(_world.B, Syn(v6).Reply()).Dropped(CvReason.NoEndpoint);
        _world.ToPod(_world.B, Syn(v6)).Dropped(CvReason.NoEndpoint);
        _world.Run(Hook.FromNet, Syn(v6), _world.B.Index).Passed();
    }

    [Theory, InlineData(false), InlineData(true)]
    [Trait("Category", "Attack")]
    public void The_proxys_mark_on_what_a_pod_or_the_network_sends_is_spoofed(bool v6)
    {
        _world.Run(Hook.FromPod, Syn(v6), _world.A.Index, mark: CvAbi.MarkProxy).Dropped(CvReason.TransportSpoof);
        _world.Run(Hook.FromNet, Syn(v6), _world.A.Index, mark: CvAbi.MarkProxy | 1).Dropped(CvReason.TransportSpoof);
    }
}
