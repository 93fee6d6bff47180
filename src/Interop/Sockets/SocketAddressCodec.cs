using System.Buffers.Binary;
using Culvert.Interop.Native;

namespace Culvert.Interop.Sockets;

/// <summary>struct sockaddr_in and sockaddr_in6 to and from <see cref="SocketEndPoint"/>.</summary>
internal static class SocketAddressCodec
{
    /// <summary>Size of sockaddr_in6, the larger of the two.</summary>
    internal const int MaxSize = 28;

    /// <summary>Writes the address for a socket of the given family and returns its length.</summary>
    internal static int Write(in SocketEndPoint endPoint, bool ipv6Socket, Span<byte> destination)
    {
        destination[..MaxSize].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(destination[2..], endPoint.Port);
        if (!ipv6Socket)
        {
            BitConverter.TryWriteBytes(destination, (ushort)Libc.AF_INET);
            BinaryPrimitives.WriteUInt32BigEndian(destination[4..], (uint)endPoint.Low);
            return 16;
        }

        BitConverter.TryWriteBytes(destination, (ushort)Libc.AF_INET6);
        endPoint.WriteAddress(destination[8..]);
        return MaxSize;
    }

    /// <summary>Reads an address the kernel wrote; false for other families.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> source, out SocketEndPoint endPoint)
    {
        endPoint = default;
        if (source.Length < 16) return false;
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(source[2..]);
        switch (BitConverter.ToUInt16(source))
        {
            case Libc.AF_INET:
                endPoint = SocketEndPoint.FromAddressBytes(source.Slice(4, 4), port);
                return true;
            case Libc.AF_INET6 when source.Length >= 24:
                endPoint = SocketEndPoint.FromAddressBytes(source.Slice(8, 16), port);
                return true;
            default:
                return false;
        }
    }
}
