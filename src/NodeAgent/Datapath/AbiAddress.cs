using System.Net;
using System.Runtime.InteropServices;
using Culvert.Core;
using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Addresses as the kernel programs see them: 16 bytes in network order, IPv4 mapped into IPv6.</summary>
internal static class AbiAddress
{
    private const uint GenerationBits = 32;

    /// <summary>How many bits an IPv4 address has in front of it as an IPv6 one.</summary>
    internal const int MappedBits = 96;

    internal static CvAddr From(IPAddress address)
    {
        CvAddr result = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<CvAddr>(ref result));
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        return result;
    }

    internal static IPAddress ToIPAddress(CvAddr address)
    {
        IPAddress result = new(MemoryMarshal.AsBytes(new ReadOnlySpan<CvAddr>(ref address)));
        return result.IsIPv4MappedToIPv6 ? result.MapToIPv4() : result;
    }

    internal static IPEndPoint ToEndPoint(CvAddr address, ushort networkOrderPort) =>
        new(ToIPAddress(address), System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(networkOrderPort));

    internal static CvAddressKey Key(uint generation, IpPrefix prefix) => new()
    {
        Prefixlen = GenerationBits + (prefix.IsIPv6 ? 0 : (uint)MappedBits) + (uint)prefix.Length,
        Generation = generation,
        Addr = From(prefix.Address),
    };
}
