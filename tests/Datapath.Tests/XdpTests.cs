using System.Net;
using System.Runtime.InteropServices;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>The programs at XDP: what they refuse, what they put a header on, and that everything else passes as it came.</summary>
public sealed class XdpTests : IDisposable
{
    private const uint Uplink = 1;
    private readonly World _plain = new(), _crc = World.WithCrc();

    public XdpTests()
    {
        foreach (World world in Worlds)
        {
            world.Reset();
            world.Maps.Offer(World.Generation);
        }
    }

    public static TheoryData<bool, bool> Layouts => DatagramHeaderTests.Layouts;

    private World[] Worlds => [_plain, _crc];

    private static IPEndPoint External(bool v6) => new(World.External(v6), 50000);

    private Packet ToC(bool v6, int payload = 32) => Packet.OfUdp(External(v6), _plain.C.At(v6, 53), payload);

    private Outcome Untouched(Packet packet, bool native = true) => Untouched(packet.Build(), native);

    private Outcome Untouched(byte[] packet, bool native = true)
    {
        Outcome outcome = _plain.Xdp(packet, Uplink, native);
        Assert.Empty(outcome.Drops);
        Assert.Equal((Outcome.XdpPass, 0), (outcome.Code, outcome.Handover.Length));
        Assert.Equal(packet, outcome.Bytes);
        return outcome;
    }

    private void Dropped(Packet packet, CvReason reason, CvEventType type)
    {
        foreach (bool native in (bool[])[true, false])
        {
            ulong before = _plain.Maps.Counter(CvCounter.XdpDrop);
            Outcome outcome = _plain.Xdp(packet.Build(), Uplink, native);
            Assert.Equal([reason], outcome.Drops);
            Assert.Equal(Outcome.XdpDrop, outcome.Code);
            CvEvent e = outcome.Single(type);
            Assert.Equal(((byte)reason, Uplink), (e.Reason, e.Ifindex));
            Assert.Equal(before + 1, _plain.Maps.Counter(CvCounter.XdpDrop));
        }
    }

    [Theory, MemberData(nameof(Layouts))]
    public void A_datagram_for_a_workload_behind_the_proxy_gets_the_header_that_tc_would_give_it(bool v6, bool crc)
    {
        World world = crc ? _crc : _plain;
        foreach (int size in (int[])[0, 1, 2, 33, 1472])
        {
            foreach (bool summed in v6 ? (bool[])[true] : [true, false])
            {
                world.Maps.Sessions.Clear();
                Packet datagram = ToC(v6, size) with { NoUdpChecksum = !summed };
                Outcome outcome = world.Xdp(datagram.Build(), Uplink);
                Assert.Equal(Outcome.XdpPass, outcome.Code);
                byte[] payload = outcome.Bytes[(outcome.View.L4 + 8)..];
                ProxyHeader header = ProxyHeader.Read(payload);
                Assert.Equal((External(v6), world.C.At(v6, 53)), (header.From, header.To));
                Assert.Equal((0u, Uplink, World.Generation, (uint)CvSessionFlag.External), header.Endpoint);
                Assert.Equal(datagram.Payload, payload[header.Length..]);
                Assert.Equal(summed, outcome.View.UdpChecksum != 0);
                CvHandover handover = MemoryMarshal.Read<CvHandover>(outcome.Handover);
                Assert.Equal((CvAbi.HandoverMagic, (uint)header.Length), (handover.Magic, handover.Header));
                Assert.Equal(outcome.Bytes, world.Xdp(datagram.Build(), Uplink).Bytes); // by the session
                using (world.OfferDatagrams())
                {
                    world.Maps.Sessions.Clear();
                    Assert.Equal(outcome.Bytes, world.Run(Hook.FromNet, datagram, Uplink).Dropped(CvReason.AssignFailed).Bytes);
                }
                world.Maps.Offer(World.Generation);
            }
        }
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Every_sum_is_right(bool v6, bool crc)
    {
        World world = crc ? _crc : _plain;
        ushort With(int payload) => world.Xdp((ToC(v6) with { Payload = [(byte)(payload >> 8), (byte)payload] }).Build(), Uplink).View.UdpChecksum;

        ushort turn = With(0);
        Assert.Equal(0xffff, With(turn));
        for (int i = 1; i < 4; i++) Assert.Equal((i, 0xffff - i), (i, With((turn + i) & 0xffff)));
        byte[] wrong = ToC(v6).Build();
        wrong[^1] ^= 1;
        Outcome outcome = world.Xdp(wrong, Uplink);
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => outcome.View);
        byte[] mended = [.. outcome.Bytes];
        mended[^1] ^= 1;
        Assert.Equal(External(v6), new PacketView(mended).From);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_is_not_ours_passes_untouched(bool v6)
    {
        foreach (IPAddress to in (IPAddress[])[World.Node(v6), World.Remote(v6), World.Vip(v6), World.External(v6), World.Excluded(v6)]) Untouched(ToC(v6) with { Destination = to });
        Untouched(Packet.OfTcp(External(v6), _plain.C.At(v6, 80), TcpFlags.Syn));
        Untouched(Packet.OfIcmp(World.External(v6), _plain.C.Address(v6), v6 ? (byte)128 : (byte)8));
        Untouched(Packet.OfUdp(External(v6), _plain.A.At(v6, 53))); // permissive, and not behind the proxy
        Untouched(ToC(v6, 64) with { FragmentId = 1, MoreFragments = true });
        Untouched(ToC(v6, 64) with { FragmentId = 1, FragmentOffset = 72 });
        Untouched(ToC(v6) with { EtherType = 0x0806 });
        Untouched(ToC(v6) with { Options = v6 ? [] : [7, 7, 4, 0, 0, 0, 0, 0], Extensions = v6 ? [(60, new byte[8])] : [] });
        Untouched(ToC(v6).Build()[..20]);
        _plain.ExcludePort(World.Generation, 53);
        Untouched(ToC(v6));
        _plain.Maps.Activate(0);
        Untouched(ToC(v6) with { DestinationPort = 54 });
    }

    [Theory, InlineData(false), InlineData(true)]
    public void What_the_proxy_cannot_take_here_passes_untouched_to_be_evaluated_later(bool v6)
    {
        Untouched(ToC(v6), native: false);
        _plain.Maps.Activate(World.Generation);
        Untouched(ToC(v6));
        _plain.Maps.Offer(World.Generation);
        _plain.FromPod(_plain.C, Packet.OfUdp(_plain.C.At(v6, 56), External(v6))).Passed();
        Untouched(ToC(v6) with { DestinationPort = 56 }); // the answer to the workload's own
        _plain.Maps.Policies.Clear();
        Untouched(ToC(v6) with { SourcePort = 1 }); // no policy at all: a fault, told of where it can be let pass
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Strict_and_denied_datagrams_end_here(bool v6)
    {
        Packet toA = Packet.OfUdp(External(v6), _plain.A.At(v6, 53));
        _plain.SetPod(World.Generation, _plain.A, CvAddressFlag.Strict);
        Dropped(toA, CvReason.StrictMtls, CvEventType.Denied);
        _plain.SetPod(World.Generation, _plain.A);
        _plain.SetPolicy(World.Generation, _plain.A, 0, 53, CvReason.PolicyDeny);
        Dropped(toA, CvReason.PolicyDeny, CvEventType.Denied);
        Untouched(toA with { DestinationPort = 54 });
        _plain.SetPolicy(World.Generation, _plain.C, 0, 53, CvReason.PolicyNoAllow);
        Dropped(ToC(v6), CvReason.PolicyNoAllow, CvEventType.Denied);
        Dropped(ToC(v6) with { Source = _plain.A.Address(v6) }, CvReason.SpoofedSource, CvEventType.Dropped);
        Dropped(ToC(v6) with { Source = World.Node(v6) }, CvReason.SpoofedSource, CvEventType.Dropped);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Malformed_datagrams_for_workloads_end_here(bool v6)
    {
        int udp = v6 ? 54 : 34;
        foreach (Action<byte[]> harm in (Action<byte[]>[])[b => b[udp + 5] = 7, b => b[udp + 4] = 1, b => b[v6 ? 19 : 17] += 1])
        {
            byte[] packet = ToC(v6).Build();
            harm(packet);
            Outcome outcome = _plain.Xdp(packet, Uplink);
            Assert.Equal([CvReason.Malformed], outcome.Drops);
            Assert.Equal(Outcome.XdpDrop, outcome.Code);
        }
        Assert.Equal([CvReason.Malformed], _plain.Xdp(ToC(v6).Build()[..(udp + 4)], Uplink).Drops);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_new_generation_revalidates_sessions(bool v6)
    {
        Assert.NotEmpty(_plain.Xdp(ToC(v6).Build(), Uplink).Handover);
        WorldContent.Fill(_plain, World.Generation + 1);
        _plain.SetPolicy(World.Generation + 1, _plain.C, 0, 0, CvReason.PolicyDeny);
        _plain.Maps.Offer(World.Generation + 1);
        Dropped(ToC(v6), CvReason.PolicyDeny, CvEventType.Denied);
    }

    public void Dispose()
    {
        foreach (World world in Worlds) world.Dispose();
    }
}
