namespace Culvert.Interop.Netlink;

/// <summary>A change in a network namespace.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Link">The link, for link events.</param>
/// <param name="Address">The address, for address events.</param>
/// <param name="Route">The route, for route events.</param>
public sealed record NetlinkEvent(NetlinkEventKind Kind, LinkInfo? Link = null, LinkAddress? Address = null, IpRoute? Route = null);
