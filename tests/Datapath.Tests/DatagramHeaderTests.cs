using System.Net;
using Culvert.Datapath.Tests.Support;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests;

/// <summary>
/// The header that a datagram for the proxy gets. A test run is not at the ingress hook, where alone a socket can be assigned: so each ends
/// with that drop, and the packet shows what was done to it before.
/// </summary>
public sealed class DatagramHeaderTests : IDisposable
{
    private readonly World _plain = new(), _crc = World.WithCrc();
    private readonly IDisposable[] _sockets;

    public DatagramHeaderTests()
    {
        foreach (World world in Worlds) world.Reset();
        _sockets = [.. Worlds.Select(w => w.OfferDatagrams())];
    }

    public static TheoryData<bool, bool> Layouts => new() { { false, false }, { true, false }, { false, true }, { true, true } };

    public static TheoryData<bool, bool, int> Sizes
    {
        get
        {
            TheoryData<bool, bool, int> sizes = [];
            foreach ((bool v6, bool crc) in new[] { (false, false), (true, false), (false, true), (true, true) })
            {
                foreach (int size in (int[])[0, 1, 2, 3, 33, 512, 1472]) sizes.Add(v6, crc, size);
            }
            return sizes;
        }
    }

    private World[] Worlds => [_plain, _crc];

    private static int Expected(bool v6, bool crc) => (int)((v6, crc) switch
    {
        (false, false) => CvAbi.Header4Length,
        (true, false) => CvAbi.Header6Length,
        (false, true) => CvAbi.Header4CrcLength,
        (true, true) => CvAbi.Header6CrcLength,
    });

    private static byte[] PayloadOf(Outcome outcome) => outcome.Bytes[(outcome.View.L4 + 8)..];

    [Theory, MemberData(nameof(Sizes))]
    public void It_tells_of_the_flow_and_the_sender_and_leaves_the_payload_alone(bool v6, bool crc, int size)
    {
        World world = crc ? _crc : _plain;
        Packet datagram = Packet.OfUdp(world.A.At(v6, 40000), new(World.Remote(v6), 53), size);
        Outcome outcome = world.FromPod(world.A, datagram).Dropped(CvReason.AssignFailed);
        ProxyHeader header = ProxyHeader.Read(PayloadOf(outcome));
        Assert.Equal((world.A.At(v6, 40000), new IPEndPoint(World.Remote(v6), 53), Expected(v6, crc)), (header.From, header.To, header.Length));
        Assert.Equal((world.A.Class, world.A.Index, World.Generation, 0u), header.Endpoint);
        Assert.Equal(crc, header.Tlvs.ContainsKey(3));
        Assert.Equal(datagram.Payload, PayloadOf(outcome)[header.Length..]);
        Assert.Equal((header.From, header.To), (outcome.View.From, outcome.View.To)); // addresses stay; the sums were checked by reading
        Assert.Equal(datagram.Build().Length + header.Length, outcome.Bytes.Length);
        byte[] before = datagram.Build();
        Assert.Equal(before[..14], outcome.Bytes[..14]);
        Assert.Equal((ushort)(8 + header.Length + size), (ushort)((outcome.Bytes[outcome.View.L4 + 4] << 8) | outcome.Bytes[outcome.View.L4 + 5]));
    }

    [Theory, MemberData(nameof(Layouts))]
    public void The_next_datagram_of_the_session_gets_the_same(bool v6, bool crc)
    {
        World world = crc ? _crc : _plain;
        Packet datagram = Packet.OfUdp(world.A.At(v6, 40000), new(World.Remote(v6), 53), 100);
        byte[] first = world.FromPod(world.A, datagram).Dropped(CvReason.AssignFailed).Bytes;
        CvSession session = world.Maps.Session(Abi.Key(world.A.At(v6, 40000), new(World.Remote(v6), 53), Packet.Udp))!.Value;
        Assert.Equal((World.Generation, world.A.Class, world.A.Index, 0u), (session.Generation, session.SrcClass, session.Ifindex, session.Flags));
        world.Maps.Addresses.Clear(); // the short way asks nobody
        Assert.Equal(first, world.FromPod(world.A, datagram).Dropped(CvReason.AssignFailed).Bytes);
    }

    [Theory, MemberData(nameof(Layouts))]
    public void A_wrong_sum_stays_wrong(bool v6, bool crc)
    {
        World world = crc ? _crc : _plain;
        byte[] datagram = Packet.OfUdp(world.A.At(v6, 40000), new(World.Remote(v6), 53), 77).Build();
        datagram[^1] ^= 0x55;
        Outcome outcome = world.Run(Hook.FromPod, datagram, world.A.Index, world.A.Index).Dropped(CvReason.AssignFailed);
        byte[] mended = [.. outcome.Bytes];
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => outcome.View);
        mended[^1] ^= 0x55;
        Assert.Equal(world.A.At(v6, 40000), new PacketView(mended).From);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void No_sum_stays_none(bool crc)
    {
        World world = crc ? _crc : _plain;
        Packet datagram = Packet.OfUdp(world.A.At(false, 40000), new(World.Remote(false), 53), 77) with { NoUdpChecksum = true };
        Outcome outcome = world.FromPod(world.A, datagram).Dropped(CvReason.AssignFailed);
        Assert.Equal(0, outcome.View.UdpChecksum);
        Assert.Equal(datagram.Payload, PayloadOf(outcome)[Expected(false, crc)..]);
    }

    /// <summary>A sum that comes out as 0 would say that there is none.</summary>
    [Theory, MemberData(nameof(Layouts))]
    public void A_sum_of_zero_is_written_as_its_other_self(bool v6, bool crc)
    {
        World world = crc ? _crc : _plain;
        ushort With(int payload)
        {
            Packet datagram = Packet.OfUdp(world.A.At(v6, 40000), new(World.Remote(v6), 53)) with { Payload = [(byte)(payload >> 8), (byte)payload] };
            return world.FromPod(world.A, datagram).Dropped(CvReason.AssignFailed).View.UdpChecksum;
        }

        ushort turn = With(0);
        Assert.Equal(0xffff, With(turn));
        for (int i = 1; i < 4; i++) Assert.Equal((i, 0xffff - i), (i, With((turn + i) & 0xffff)));
    }

    public void Dispose()
    {
        foreach (IDisposable sockets in _sockets) sockets.Dispose();
        foreach (World world in Worlds) world.Dispose();
    }
}
