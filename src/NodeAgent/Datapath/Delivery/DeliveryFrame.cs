using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>Writes the Ethernet frame of a probe as a pod would send it: a datagram with a number in it. Pure.</summary>
internal static class DeliveryFrame
{
    /// <summary>Bytes of the payload: the number.</summary>
    internal const int PayloadLength = (int)CvAbi.ProbePayload;

    /// <summary>Ethernet, IPv6 and UDP headers and the payload.</summary>
    internal const int MaxLength = EthernetLength + IPv6Length + UdpLength + PayloadLength;

    private const int EthernetLength = 14, IPv4Length = 20, IPv6Length = 40, UdpLength = 8;
    private const ushort EtherTypeV4 = 0x0800, EtherTypeV6 = 0x86dd;
    private const byte Udp = 17;

    /// <summary>Writes the frame.</summary>
    /// <param name="frame">Takes <see cref="MaxLength"/> bytes.</param>
    /// <param name="router">The MAC address that the pod takes for its router's, 6 bytes.</param>
    /// <param name="pod">The pod's, 6 bytes.</param>
    /// <param name="source">An address of the pod.</param>
    /// <param name="destination">Whom it is for; of the same family.</param>
    /// <param name="from">The source port.</param>
    /// <param name="to">The destination port.</param>
    /// <param name="hopLimit">How many routers pass it on, this node first; 1: none.</param>
    /// <param name="number">Tells it from others.</param>
    /// <returns>Its length.</returns>
    internal static int Write(Span<byte> frame, ImmutableArray<byte> router, ImmutableArray<byte> pod, IPAddress source, IPAddress destination, ushort from, ushort to, byte hopLimit, ulong number)
    {
        bool v4 = source.AddressFamily == AddressFamily.InterNetwork;
        int header = v4 ? IPv4Length : IPv6Length, length = EthernetLength + header + UdpLength + PayloadLength;
        frame = frame[..length];
        frame.Clear();
        router.AsSpan().CopyTo(frame);
        pod.AsSpan().CopyTo(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], v4 ? EtherTypeV4 : EtherTypeV6);
        Span<byte> packet = frame[EthernetLength..];
        byte[] sender = source.GetAddressBytes(), receiver = destination.GetAddressBytes();
        if (v4) WriteIPv4(packet, sender, receiver, hopLimit);
        else WriteIPv6(packet, sender, receiver, hopLimit);

        Span<byte> udp = packet[header..];
        BinaryPrimitives.WriteUInt16BigEndian(udp, from);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], to);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], UdpLength + PayloadLength);
        MemoryMarshal.Write(udp[UdpLength..], number);
        ushort checksum = InternetChecksum.Fold(InternetChecksum.Sum(sender) + InternetChecksum.Sum(receiver) + Udp + UdpLength + PayloadLength + InternetChecksum.Sum(udp));
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], checksum == 0 ? ushort.MaxValue : checksum); // 0 says that there is none
        return length;
    }

    private static void WriteIPv4(Span<byte> ip, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, byte hopLimit)
    {
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], IPv4Length + UdpLength + PayloadLength);
        BinaryPrimitives.WriteUInt16BigEndian(ip[6..], 0x4000);
        ip[8] = hopLimit;
        ip[9] = Udp;
        from.CopyTo(ip[12..]);
        to.CopyTo(ip[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Fold(InternetChecksum.Sum(ip[..IPv4Length])));
    }

    private static void WriteIPv6(Span<byte> ip, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, byte hopLimit)
    {
        ip[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(ip[4..], UdpLength + PayloadLength);
        ip[6] = Udp;
        ip[7] = hopLimit;
        from.CopyTo(ip[8..]);
        to.CopyTo(ip[24..]);
    }
}
