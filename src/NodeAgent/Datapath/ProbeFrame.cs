using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Writes the Ethernet frame of a bare TCP acknowledgement as the receiver of a flow would see it. Pure.</summary>
internal static class ProbeFrame
{
    /// <summary>Ethernet, IPv6 and TCP headers.</summary>
    internal const int MaxLength = EthernetFrame.HeaderLength + EthernetFrame.MaxIpLength + TcpLength;

    private const byte Protocol = 6;
    private const int TcpLength = 20;
    private const byte Ack = 0x10;
    private const byte HopLimit = 64;

    /// <summary>Where a packet socket sends it: out of the interface, to the pod behind it. See packet(7), sockaddr_ll.</summary>
    internal static SocketAddress LinkAddress(uint interfaceIndex, bool v6 = false)
    {
        SocketAddress address = new(AddressFamily.Packet, 20);
        BinaryPrimitives.WriteUInt16BigEndian(address.Buffer.Span[2..], v6 ? EthernetFrame.TypeV6 : EthernetFrame.TypeV4);
        MemoryMarshal.Write(address.Buffer.Span[4..], interfaceIndex);
        return address;
    }

    /// <summary>What is behind the Ethernet header.</summary>
    internal static ReadOnlySpan<byte> PacketOf(ReadOnlySpan<byte> frame) => frame[EthernetFrame.HeaderLength..];

    /// <summary>The destination of an IP packet.</summary>
    internal static IPAddress DestinationOf(ReadOnlySpan<byte> packet) => new(packet[0] >> 4 == 4 ? packet.Slice(16, 4) : packet.Slice(24, 16));

    /// <summary>Writes the frame.</summary>
    /// <returns>Its length.</returns>
    internal static int Write(Span<byte> frame, in CvFlowKey key, in CvFlow flow, uint sequence)
    {
        CvAddr source = key.Src, destination = key.Dst;
        ushort sourcePort = key.Sport, destinationPort = key.Dport;
        if ((flow.Flags & (ushort)CvFlowFlag.NatDst) != 0) (destination, destinationPort) = (flow.NatAddr, flow.NatPort);
        if ((flow.Flags & (ushort)CvFlowFlag.NatSrc) != 0) (source, sourcePort) = (flow.NatAddr, flow.NatPort);
        ReadOnlySpan<byte> from = Bytes(in source), to = Bytes(in destination);
        bool v4 = !IsIPv6(key);
        if (v4)
        {
            from = from[12..];
            to = to[12..];
        }

        frame.Clear();
        int header = EthernetFrame.WriteHeaders(frame, Bytes(in flow.Mac), Bytes(in flow.HostMac), from, to, Protocol, HopLimit, TcpLength);

        Span<byte> tcp = frame.Slice(header, TcpLength);
        MemoryMarshal.Write(tcp, sourcePort); // both are in network order already
        MemoryMarshal.Write(tcp[2..], destinationPort);
        BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], sequence);
        tcp[12] = (TcpLength / 4) << 4;
        tcp[13] = Ack;
        ulong pseudo = InternetChecksum.Sum(from) + InternetChecksum.Sum(to) + Protocol + TcpLength;
        BinaryPrimitives.WriteUInt16BigEndian(tcp[16..], InternetChecksum.Fold(pseudo + InternetChecksum.Sum(tcp)));
        return header + TcpLength;
    }

    /// <summary>Whether the flow is one of IPv6.</summary>
    internal static bool IsIPv6(in CvFlowKey key)
    {
        ReadOnlySpan<byte> from = Bytes(in key.Src);
        return from[..10].IndexOfAnyExcept((byte)0) >= 0 || from[10] != 0xff || from[11] != 0xff;
    }

    private static ReadOnlySpan<byte> Bytes<T>(in T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
}
