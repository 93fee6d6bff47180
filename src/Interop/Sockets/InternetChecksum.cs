using System.Buffers.Binary;

namespace Culvert.Interop.Sockets;

/// <summary>The checksum of IP, UDP and ICMP (RFC 1071). Thread-safe.</summary>
public static class InternetChecksum
{
    /// <summary>Sum of the words of some bytes, that of others may be added to; an odd last byte counts as the first of a word.</summary>
    /// <param name="bytes">Up to 2^48 of them.</param>
    /// <returns>The sum.</returns>
    public static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 0;
        for (; bytes.Length >= 4; bytes = bytes[4..]) sum += BinaryPrimitives.ReadUInt32BigEndian(bytes);
        if (bytes.Length >= 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
            bytes = bytes[2..];
        }

        return bytes.IsEmpty ? sum : sum + ((uint)bytes[0] << 8);
    }

    /// <summary>The checksum that a sum comes to.</summary>
    /// <param name="sum">Of <see cref="Sum"/>, or of several.</param>
    /// <returns>The checksum, in host byte order.</returns>
    public static ushort Fold(ulong sum)
    {
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }
}
