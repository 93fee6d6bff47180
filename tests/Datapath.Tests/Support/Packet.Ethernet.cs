using System.Buffers.Binary;
using System.Net;

namespace Culvert.Datapath.Tests.Support;

/// <content>What stands in front of the IP header, as a pod's interface sees it.</content>
internal sealed partial record Packet
{
    internal const int EthernetLength = 14;

    internal ushort? EtherType { get; init; }

    /// <summary>"Port unreachable" about a packet, which begins with its Ethernet header.</summary>
    internal static Packet OfIcmpError(IPAddress from, IPAddress to, byte[] about) => OfErrorAbout(from, to, about[EthernetLength..]);

    /// <summary>The bytes, from the Ethernet header on.</summary>
    internal byte[] Build()
    {
        byte[] ethernet = new byte[EthernetLength];
        World.HostMac.CopyTo(ethernet, 0);
        World.PodMac.CopyTo(ethernet, 6);
        BinaryPrimitives.WriteUInt16BigEndian(ethernet.AsSpan(12), EtherType ?? (IsV6 ? (ushort)0x86dd : (ushort)0x0800));
        return [.. ethernet, .. BuildIp()];
    }
}
