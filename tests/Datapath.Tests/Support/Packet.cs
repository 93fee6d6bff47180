using System.Buffers.Binary;
using System.Net;

namespace Culvert.Datapath.Tests.Support;

/// <summary>A packet to be built, changed with <c>with</c> and the methods here. Sums are right unless a test breaks them.</summary>
internal sealed partial record Packet
{
    internal const byte Tcp = 6, Udp = 17, Icmp = 1, Icmp6 = 58;

    internal required IPAddress Source { get; init; }

    internal required IPAddress Destination { get; init; }

    internal byte Protocol { get; init; }

    internal ushort SourcePort { get; init; }

    internal ushort DestinationPort { get; init; }

    internal TcpFlags Flags { get; init; }

    internal uint Sequence { get; init; } = 1000;

    internal uint Acknowledgement { get; init; } = 2000;

    internal byte[] Payload { get; init; } = [];

    /// <summary>IPv4 options, a multiple of 4 bytes.</summary>
    internal byte[] Options { get; init; } = [];

    /// <summary>IPv6 extension headers: type and content, the next-header byte of which is filled in.</summary>
    internal (byte Type, byte[] Content)[] Extensions { get; init; } = [];

    internal uint FragmentId { get; init; }

    /// <summary>In bytes, a multiple of 8.</summary>
    internal int FragmentOffset { get; init; }

    internal bool MoreFragments { get; init; }

    /// <summary>What stands behind the IP header, when it is a part of a transport packet that was built before.</summary>
    internal byte[]? Piece { get; init; }

    internal bool NoUdpChecksum { get; init; }

    /// <summary>Of the IP header: time to live or hop limit.</summary>
    internal byte HopLimit { get; init; } = 64;

    internal byte IcmpType { get; init; }

    internal byte IcmpCode { get; init; }

    internal bool IsV6 => Source.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;

    internal static Packet OfTcp(IPEndPoint from, IPEndPoint to, TcpFlags flags, int payload = 0) =>
        new() { Source = from.Address, Destination = to.Address, Protocol = Tcp, SourcePort = (ushort)from.Port, DestinationPort = (ushort)to.Port, Flags = flags, Payload = Pattern(payload) };

    internal static Packet OfUdp(IPEndPoint from, IPEndPoint to, int payload = 32) =>
        new() { Source = from.Address, Destination = to.Address, Protocol = Udp, SourcePort = (ushort)from.Port, DestinationPort = (ushort)to.Port, Payload = Pattern(payload) };

    /// <summary>An ICMP packet; the payload follows the 8 bytes of header.</summary>
    internal static Packet OfIcmp(IPAddress from, IPAddress to, byte type, byte code = 0, byte[]? payload = null)
    {
        bool v6 = from.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        return new() { Source = from, Destination = to, Protocol = v6 ? Icmp6 : Icmp, IcmpType = type, IcmpCode = code, Payload = payload ?? Pattern(16) };
    }

    /// <summary>"Port unreachable" about a packet, which begins with its IP header.</summary>
    internal static Packet OfErrorAbout(IPAddress from, IPAddress to, byte[] ip) =>
        OfIcmp(from, to, from.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? (byte)1 : (byte)3, 3, ip);

    /// <summary>The answering direction.</summary>
    internal Packet Reply(TcpFlags flags = TcpFlags.Ack) =>
        this with { Source = Destination, Destination = Source, SourcePort = DestinationPort, DestinationPort = SourcePort, Flags = flags };

    internal static byte[] Pattern(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7))];

    /// <summary>The bytes, from the IP header on.</summary>
    internal byte[] BuildIp()
    {
        byte[] l4 = Piece ?? (FragmentOffset > 0 ? Payload : BuildL4());
        return [.. IsV6 ? BuildV6(l4.Length) : BuildV4(l4.Length), .. l4];
    }

    private byte[] BuildV4(int length)
    {
        byte[] ip = new byte[20 + Options.Length];
        ip[0] = (byte)(0x40 | (ip.Length / 4));
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(2), (ushort)(ip.Length + length));
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(4), (ushort)FragmentId);
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(6), (ushort)((FragmentOffset / 8) | (MoreFragments ? 0x2000 : 0)));
        ip[8] = HopLimit;
        ip[9] = Protocol;
        Source.GetAddressBytes().CopyTo(ip, 12);
        Destination.GetAddressBytes().CopyTo(ip, 16);
        Options.CopyTo(ip, 20);
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(10), Checksum.Fold(Checksum.Sum(ip)));
        return ip;
    }

    private byte[] BuildV6(int length)
    {
        List<(byte Type, byte[] Content)> extensions = [.. Extensions];
        if (FragmentOffset > 0 || MoreFragments)
        {
            byte[] fragment = new byte[8];
            BinaryPrimitives.WriteUInt16BigEndian(fragment.AsSpan(2), (ushort)(FragmentOffset | (MoreFragments ? 1 : 0)));
            BinaryPrimitives.WriteUInt32BigEndian(fragment.AsSpan(4), FragmentId);
            extensions.Add((44, fragment));
        }
        byte[] ip = new byte[40];
        ip[0] = 0x60;
        ip[6] = extensions.Count > 0 ? extensions[0].Type : Protocol;
        ip[7] = HopLimit;
        Source.GetAddressBytes().CopyTo(ip, 8);
        Destination.GetAddressBytes().CopyTo(ip, 24);
        for (int i = 0; i < extensions.Count; i++)
        {
            byte[] content = [.. extensions[i].Content];
            content[0] = i + 1 < extensions.Count ? extensions[i + 1].Type : Protocol;
            ip = [.. ip, .. content];
        }
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(4), (ushort)(ip.Length - 40 + length));
        return ip;
    }

    private byte[] BuildL4()
    {
        byte[] l4 = Protocol switch { Tcp => BuildTcp(), Udp => BuildUdp(), Icmp or Icmp6 => BuildIcmp(), _ => Payload };
        int at = Protocol switch { Tcp => 16, Udp => 6, Icmp or Icmp6 => 2, _ => -1 };
        if (at < 0 || (Protocol == Udp && NoUdpChecksum)) return l4;
        uint pseudo = Protocol == Icmp ? 0 : Checksum.Pseudo(Source, Destination, Protocol, l4.Length);
        ushort sum = Checksum.Fold(pseudo + Checksum.Sum(l4));
        BinaryPrimitives.WriteUInt16BigEndian(l4.AsSpan(at), sum == 0 && Protocol == Udp ? (ushort)0xffff : sum);
        return l4;
    }

    private byte[] BuildTcp()
    {
        byte[] header = new byte[20];
        BinaryPrimitives.WriteUInt16BigEndian(header, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), DestinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), Sequence);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(8), Flags.HasFlag(TcpFlags.Ack) ? Acknowledgement : 0);
        header[12] = 0x50;
        header[13] = (byte)Flags;
        header[14] = 0xff;
        return [.. header, .. Payload];
    }

    private byte[] BuildUdp()
    {
        byte[] header = new byte[8];
        BinaryPrimitives.WriteUInt16BigEndian(header, SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), DestinationPort);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), (ushort)(8 + Payload.Length));
        return [.. header, .. Payload];
    }

    private byte[] BuildIcmp() => [IcmpType, IcmpCode, 0, 0, 0, 0, 0, 0, .. Payload];
}
