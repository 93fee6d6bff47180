using System.Net.NetworkInformation;

namespace Culvert.Interop.Netlink;

/// <summary>A network interface.</summary>
/// <param name="Index">Its number in its namespace.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">"veth", "bridge", ...; null for devices of no kind, such as lo and hardware.</param>
/// <param name="Mtu">Bytes.</param>
/// <param name="MacAddress">Its hardware address; null for devices without.</param>
/// <param name="IsUp">Whether it is set up.</param>
/// <param name="HasCarrier">Whether it can carry packets now.</param>
/// <param name="PeerIndex">For a veth the index of the other end, in that end's namespace; zero without.</param>
/// <param name="PeerNamespaceId">This namespace's id for the other end's; null when both are in one.</param>
/// <param name="MasterIndex">The bridge it is a port of; zero without.</param>
public sealed record LinkInfo(
    int Index, string Name, string? Kind, int Mtu, PhysicalAddress? MacAddress, bool IsUp, bool HasCarrier, int PeerIndex, int? PeerNamespaceId, int MasterIndex)
{
    /// <summary>Whether it takes and sends no IPv6 (disable_ipv6).</summary>
    public bool IsWithoutIPv6 { get; init; }

    /// <summary>The number of the XDP program that the kernel names for it; null when there is none, or there are several (by hand, driver and card).</summary>
    public uint? XdpProgramId { get; init; }
}
