using System.Net;

namespace Culvert.Datapath.Tests.Support;

/// <summary>The Internet checksum (RFC 1071), written plainly.</summary>
internal static class Checksum
{
    internal static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2) sum += (uint)((bytes[i] << 8) | (i + 1 < bytes.Length ? bytes[i + 1] : 0));
        return sum;
    }

    internal static uint Pseudo(IPAddress source, IPAddress destination, byte protocol, int length) =>
        Sum(source.GetAddressBytes()) + Sum(destination.GetAddressBytes()) + protocol + (uint)length;

    internal static ushort Fold(uint sum)
    {
        while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }
}
