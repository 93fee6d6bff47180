using System.Buffers.Binary;

namespace Culvert.Interop.Sockets;

/// <summary>
/// Tells senders of UDP datagrams that nobody listens where they send to, in the name of the destination: ICMP destination unreachable, port unreachable
/// (RFC 792; RFC 4443, section 3.1). Needs CAP_NET_RAW. Not thread-safe.
/// </summary>
public sealed class PortUnreachableSender : IDisposable
{
    private const int Header4 = 20;
    private const int Header6 = 40;
    private const int IcmpHeader = 8;
    private const int UdpHeader = 8;
    private const byte Hops = 64;
    private readonly RawSocket _raw4;
    private readonly RawSocket? _raw6;

    private PortUnreachableSender(RawSocket raw4, RawSocket? raw6) => (_raw4, _raw6) = (raw4, raw6);

    /// <summary>Makes the sockets in the network namespace of this thread; that for IPv6 only where there is IPv6.</summary>
    /// <param name="mark">Mark of every packet.</param>
    /// <param name="error">Why null was returned: NotPermitted without the capability.</param>
    public static PortUnreachableSender? TryCreate(SocketMark mark, out SocketErrno error)
    {
        ArgumentNullException.ThrowIfNull(mark);
        SocketHandle? raw4 = SocketHandle.TryCreateRaw(ipv6: false, out error);
        if (raw4 is null) return null;
        SocketHandle? raw6 = SocketHandle.TryCreateRaw(ipv6: true, out _);
        error = mark.Apply(raw4);
        if (raw6 is not null && error == SocketErrno.None) error = mark.Apply(raw6);
        if (error == SocketErrno.None) return new PortUnreachableSender(new RawSocket(raw4, mark), raw6 is null ? null : new RawSocket(raw6, mark));
        raw4.Dispose();
        raw6?.Dispose();
        return null;
    }

    /// <summary>Tells a sender about the datagrams it sends to a destination.</summary>
    /// <param name="sender">Who sent them.</param>
    /// <param name="destination">Where to; the message reaches the sender from its address. The same family as the sender.</param>
    /// <param name="backend">What the datagrams were addressed to on this node, in the place of the destination, a Service: so is the message, and the programs translate it. Null: the destination itself.</param>
    /// <returns>None, or why the kernel did not take the message.</returns>
    public SocketErrno Send(in SocketEndPoint sender, in SocketEndPoint destination, in SocketEndPoint? backend = null)
    {
        SocketEndPoint from = backend ?? destination;
        if (sender.IsIPv4 != destination.IsIPv4 || sender.IsIPv4 != from.IsIPv4) return SocketErrno.InvalidArgument;
        RawSocket? raw = sender.IsIPv4 ? _raw4 : _raw6;
        if (raw is null) return SocketErrno.None;
        SocketErrno error = raw.SpeakFor(backend is null ? null : destination);
        if (error != SocketErrno.None) return error;
        Span<byte> packet = stackalloc byte[Header6 + IcmpHeader + Header6 + UdpHeader];
        packet.Clear();
        return raw.Handle.SendTo(packet[..(sender.IsIPv4 ? Write4(packet, sender, from) : Write6(packet, sender, from))], sender.WithPort(0));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _raw4.Dispose();
        _raw6?.Dispose();
    }

    private static int Write4(Span<byte> packet, in SocketEndPoint sender, in SocketEndPoint destination)
    {
        const int Length = Header4 + IcmpHeader + Header4 + UdpHeader;
        WriteHeader4(packet, Length, 1, destination, sender);
        Span<byte> icmp = packet[Header4..Length];
        (icmp[0], icmp[1]) = (3, 3);
        WriteHeader4(icmp[IcmpHeader..], Header4 + UdpHeader, 17, sender, destination);
        WritePorts(icmp[(IcmpHeader + Header4)..], sender, destination);
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Fold(InternetChecksum.Sum(icmp)));
        return Length;
    }

    private static int Write6(Span<byte> packet, in SocketEndPoint sender, in SocketEndPoint destination)
    {
        const int Payload = IcmpHeader + Header6 + UdpHeader;
        WriteHeader6(packet, Payload, 58, destination, sender);
        Span<byte> icmp = packet.Slice(Header6, Payload);
        (icmp[0], icmp[1]) = (1, 4);
        WriteHeader6(icmp[IcmpHeader..], UdpHeader, 17, sender, destination);
        WritePorts(icmp[(IcmpHeader + Header6)..], sender, destination);

        // The pseudo header: both addresses, the length and the protocol.
        ulong sum = Payload + 58u + InternetChecksum.Sum(packet.Slice(8, 32));
        BinaryPrimitives.WriteUInt16BigEndian(icmp[2..], InternetChecksum.Fold(sum + InternetChecksum.Sum(icmp)));
        return Header6 + Payload;
    }

    private static void WriteHeader4(Span<byte> header, ushort length, byte protocol, in SocketEndPoint from, in SocketEndPoint to)
    {
        header[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], length);
        (header[8], header[9]) = (Hops, protocol);
        BinaryPrimitives.WriteUInt32BigEndian(header[12..], (uint)from.Low);
        BinaryPrimitives.WriteUInt32BigEndian(header[16..], (uint)to.Low);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], InternetChecksum.Fold(InternetChecksum.Sum(header[..Header4])));
    }

    private static void WriteHeader6(Span<byte> header, ushort payload, byte protocol, in SocketEndPoint from, in SocketEndPoint to)
    {
        header[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], payload);
        (header[6], header[7]) = (protocol, Hops);
        from.WriteAddress(header[8..]);
        to.WriteAddress(header[24..]);
    }

    private static void WritePorts(Span<byte> udp, in SocketEndPoint from, in SocketEndPoint to)
    {
        BinaryPrimitives.WriteUInt16BigEndian(udp, from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], to.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], UdpHeader);
    }
}
