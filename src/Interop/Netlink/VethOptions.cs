using System.Net.NetworkInformation;

namespace Culvert.Interop.Netlink;

/// <summary>A pair of virtual Ethernet devices to be made.</summary>
public sealed record VethOptions
{
    /// <summary>Name of the near end, 15 characters at most.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the far end, 15 characters at most.</summary>
    public required string PeerName { get; init; }

    /// <summary>Where the far end is put; null for the same namespace.</summary>
    public NetworkNamespace? PeerNamespace { get; init; }

    /// <summary>Bytes, on both ends; null for the kernel's 1500.</summary>
    public int? Mtu { get; init; }

    /// <summary>Hardware address of the near end; null for a random one.</summary>
    public PhysicalAddress? MacAddress { get; init; }

    /// <summary>Hardware address of the far end; null for a random one.</summary>
    public PhysicalAddress? PeerMacAddress { get; init; }

    /// <summary>Whether both ends are set up at once.</summary>
    public bool Up { get; init; }
}
