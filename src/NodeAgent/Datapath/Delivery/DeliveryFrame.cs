using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
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
    internal const int MaxLength = EthernetFrame.HeaderLength + EthernetFrame.MaxIpLength + UdpLength + PayloadLength;

    private const int UdpLength = 8;
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
        frame.Clear();
        byte[] sender = source.GetAddressBytes(), receiver = destination.GetAddressBytes();
        int header = EthernetFrame.WriteHeaders(frame, router.AsSpan(), pod.AsSpan(), sender, receiver, Udp, hopLimit, UdpLength + PayloadLength);

        Span<byte> udp = frame.Slice(header, UdpLength + PayloadLength);
        BinaryPrimitives.WriteUInt16BigEndian(udp, from);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], to);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], UdpLength + PayloadLength);
        MemoryMarshal.Write(udp[UdpLength..], number);
        ushort checksum = InternetChecksum.Fold(InternetChecksum.Sum(sender) + InternetChecksum.Sum(receiver) + Udp + UdpLength + PayloadLength + InternetChecksum.Sum(udp));
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], checksum == 0 ? ushort.MaxValue : checksum); // 0 says that there is none
        return header + udp.Length;
    }
}
