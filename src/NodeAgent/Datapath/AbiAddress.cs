using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Culvert.Core;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;

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
        new(ToIPAddress(address), Swap(networkOrderPort));

    internal static CvAddr From(in SocketEndPoint point)
    {
        CvAddr result = default;
        point.WriteAddress(MemoryMarshal.AsBytes(new Span<CvAddr>(ref result)));
        return result;
    }

    internal static SocketEndPoint ToSocketEndPoint(CvAddr address, ushort networkOrderPort) =>
        SocketEndPoint.FromAddressBytes(MemoryMarshal.AsBytes(new ReadOnlySpan<CvAddr>(ref address)), Swap(networkOrderPort));

    /// <summary>The direction of a flow that <paramref name="source"/> sends.</summary>
    internal static CvFlowKey FlowKey(in SocketEndPoint source, in SocketEndPoint destination, ProtocolType protocol) => new()
    {
        Src = From(source),
        Sport = Swap(source.Port),
        Dst = From(destination),
        Dport = Swap(destination.Port),
        Proto = (byte)protocol,
    };

    internal static CvAddressKey Key(uint generation, IpPrefix prefix) => new()
    {
        Prefixlen = GenerationBits + (prefix.IsIPv6 ? 0 : (uint)MappedBits) + (uint)prefix.Length,
        Generation = generation,
        Addr = From(prefix.Address),
    };

    // Between the host's order and the network's.
    private static ushort Swap(ushort port) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(port) : port;
}
