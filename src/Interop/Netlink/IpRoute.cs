using System.Net;

namespace Culvert.Interop.Netlink;

/// <summary>A route with at most one next hop.</summary>
public sealed record IpRoute
{
    /// <summary>The table that applies without rules.</summary>
    public const int MainTable = 254;

    /// <summary>The table with the node's own addresses, which the kernel looks at first.</summary>
    public const int LocalTable = 255;

    // RT_TABLE_DEFAULT, which the kernel looks at last.
    private const int DefaultTable = 253;

    /// <summary>RTPROT_STATIC: put there by an administrator.</summary>
    public const byte StaticProtocol = 4;

    /// <summary>Whether a table is one that every packet is routed by, without rules of anybody's: local, main and default.</summary>
    /// <param name="table">The table.</param>
    public static bool IsOrdinary(int table) => table is >= DefaultTable and <= LocalTable;

    /// <summary>Where it leads; its family is the route's.</summary>
    public required IPNetwork Destination { get; init; }

    /// <summary>What it does.</summary>
    public RouteType Type { get; init; } = RouteType.Unicast;

    /// <summary>The table.</summary>
    public int Table { get; init; } = MainTable;

    /// <summary>The link to send by; zero for none.</summary>
    public int InterfaceIndex { get; init; }

    /// <summary>The next hop, of either family; null for on-link destinations.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Take the gateway to be on the link even though no subnet says so.</summary>
    public bool OnLink { get; init; }

    /// <summary>Source address of our own packets; null for the kernel's choice.</summary>
    public IPAddress? PreferredSource { get; init; }

    /// <summary>Lower wins; null for the kernel's default.</summary>
    public int? Priority { get; init; }

    /// <summary>Path MTU in bytes; null for the link's.</summary>
    public int? Mtu { get; init; }

    /// <summary>Whether it is for packets from some addresses, or of some type of service, only. Read only.</summary>
    public bool IsConditional { get; init; }

    /// <summary>Whether packets are put into others, or given to a program, on their way (lightweight tunnels). Read only.</summary>
    public bool Encapsulates { get; init; }

    /// <summary>Who put it there (RTPROT_*); the number tells our routes from others.</summary>
    public byte Protocol { get; init; } = StaticProtocol;

    /// <inheritdoc/>
    public override string ToString()
        => $"{(Type == RouteType.Unicast ? "" : $"{Type.ToString().ToLowerInvariant()} ")}{Destination}{(Gateway is null ? "" : $" via {Gateway}")}"
            + $"{(InterfaceIndex == 0 ? "" : $" by link {InterfaceIndex}")} in table {Table}";
}
