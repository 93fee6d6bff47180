using System.Buffers.Binary;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Writes the headers of frames that the agent makes up: Ethernet, and IPv4 or IPv6 without options (RFC 791, RFC 8200). Pure.</summary>
internal static class EthernetFrame
{
    /// <summary>Bytes of the Ethernet header.</summary>
    internal const int HeaderLength = 14;

    /// <summary>Bytes of the longer one of the IP headers.</summary>
    internal const int MaxIpLength = IPv6Length;

    /// <summary>EtherTypes.</summary>
    internal const ushort TypeV4 = 0x0800, TypeV6 = 0x86dd;

    private const int IPv4Length = 20, IPv6Length = 40;

    /// <summary>Writes them into a frame that is all zeros, of which the transport's header and payload are the rest.</summary>
    /// <param name="frame">Takes them.</param>
    /// <param name="receiver">Its MAC address, 6 bytes.</param>
    /// <param name="sender">The other one.</param>
    /// <param name="from">The source, 4 or 16 bytes.</param>
    /// <param name="to">The destination, as many.</param>
    /// <param name="protocol">The transport's.</param>
    /// <param name="hopLimit">Or time to live.</param>
    /// <param name="length">Bytes behind the IP header.</param>
    /// <returns>Where those begin.</returns>
    internal static int WriteHeaders(Span<byte> frame, ReadOnlySpan<byte> receiver, ReadOnlySpan<byte> sender, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, byte protocol, byte hopLimit, int length)
    {
        bool v4 = from.Length == sizeof(uint);
        receiver.CopyTo(frame);
        sender.CopyTo(frame[6..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], v4 ? TypeV4 : TypeV6);
        Span<byte> ip = frame[HeaderLength..];
        if (!v4)
        {
            ip[0] = 0x60;
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)length);
            ip[6] = protocol;
            ip[7] = hopLimit;
            from.CopyTo(ip[8..]);
            to.CopyTo(ip[24..]);
            return HeaderLength + IPv6Length;
        }
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)(IPv4Length + length));
        BinaryPrimitives.WriteUInt16BigEndian(ip[6..], 0x4000);
        ip[8] = hopLimit;
        ip[9] = protocol;
        from.CopyTo(ip[12..]);
        to.CopyTo(ip[16..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], InternetChecksum.Fold(InternetChecksum.Sum(ip[..IPv4Length])));
        return HeaderLength + IPv4Length;
    }
}
