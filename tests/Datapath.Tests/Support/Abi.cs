using System.Net;
using System.Runtime.InteropServices;
using Culvert.Interop.Abi;

namespace Culvert.Datapath.Tests.Support;

/// <summary>From .NET types to those of the kernel contract.</summary>
internal static class Abi
{
    internal static CvAddr Address(IPAddress address)
    {
        byte[] bytes = address.MapToIPv6().GetAddressBytes();
        return MemoryMarshal.Read<CvAddr>(bytes);
    }

    internal static IPAddress Address(in CvAddr address)
    {
        IPAddress ip = new(MemoryMarshal.AsBytes(new ReadOnlySpan<CvAddr>(in address)));
        return ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
    }

    internal static ushort Network(int port) => BitConverter.IsLittleEndian ? (ushort)((port << 8) | (port >> 8)) : (ushort)port;

    internal static CvFlowKey Key(IPEndPoint from, IPEndPoint to, byte protocol, ushort space = 0) =>
        new() { Src = Address(from.Address), Dst = Address(to.Address), Sport = Network(from.Port), Dport = Network(to.Port), Proto = protocol, Space = space };

    /// <summary>The key of a packet, as the programs of a space see it.</summary>
    internal static CvFlowKey Key(Packet packet, ushort space = 0) =>
        Key(new IPEndPoint(packet.Source, packet.SourcePort), new IPEndPoint(packet.Destination, packet.DestinationPort), packet.Protocol, space);

    /// <summary>The key of a verdict for one port, or for every port when that is 0.</summary>
    internal static CvPolicyKey PolicyKey(uint generation, uint policySet, uint peerClass, ushort port, byte protocol) => new()
    {
        Prefixlen = CvAbi.PolicyPrefix + (port == 0 ? 0u : 16u),
        Generation = generation,
        PolicySet = policySet,
        PeerClass = peerClass,
        Port = Network(port),
        Proto = protocol,
    };

    internal static CvByteArray6 Mac(byte[] mac) => MemoryMarshal.Read<CvByteArray6>(mac);

    internal static string Text(in CvFlowKey key) =>
        $"{key.Proto} {Address(key.Src)}.{Network(key.Sport)} > {Address(key.Dst)}.{Network(key.Dport)}{(key.Space == 0 ? "" : $" in space {key.Space}")}";
}
