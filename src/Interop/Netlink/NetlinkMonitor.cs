namespace Culvert.Interop.Netlink;

/// <summary>
/// Hears of links, addresses, routes, rules and traffic control of one network namespace as they change. Open it before listing, so that nothing is
/// missed in between. One reader at a time.
/// </summary>
public sealed class NetlinkMonitor : IDisposable
{
    private const uint Groups = Rt.RTMGRP_LINK | Rt.RTMGRP_IPV4_IFADDR | Rt.RTMGRP_IPV6_IFADDR
        | Rt.RTMGRP_IPV4_ROUTE | Rt.RTMGRP_IPV6_ROUTE | Rt.RTMGRP_IPV4_RULE | (1u << (Rt.RTNLGRP_IPV6_RULE - 1)) | (1u << (Rt.RTNLGRP_TC - 1));

    private readonly NetlinkNotifications _notifications = new(Groups);

    private NetlinkMonitor()
    {
    }

    /// <summary>Watches the namespace that the calling thread is in.</summary>
    /// <returns>The monitor; it stays in that namespace.</returns>
    /// <exception cref="NetlinkException">No socket could be had.</exception>
    public static NetlinkMonitor Open() => new();

    /// <summary>Watches a namespace; the calling thread visits it only while this runs.</summary>
    /// <param name="network">The namespace.</param>
    /// <returns>The monitor.</returns>
    /// <exception cref="KernelException">The namespace cannot be entered, or no socket could be had.</exception>
    public static NetlinkMonitor Open(NetworkNamespace network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Run(Open);
    }

    /// <summary>Waits for changes. Blocks the calling thread.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>What happened, in order; never empty.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="NetlinkException">The socket failed.</exception>
    public IReadOnlyList<NetlinkEvent> Read(CancellationToken cancellationToken)
    {
        List<NetlinkEvent> events = [];
        while (events.Count == 0)
        {
            _notifications.Read((type, body) => Add(events, type, body), () => events.Add(new NetlinkEvent(NetlinkEventKind.Lost)), "watch the network", cancellationToken);
        }
        return events;
    }

    /// <inheritdoc/>
    public void Dispose() => _notifications.Dispose();

    private static void Add(List<NetlinkEvent> events, ushort type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case Rt.RTM_NEWLINK or Rt.RTM_DELLINK:
                events.Add(new(type == Rt.RTM_NEWLINK ? NetlinkEventKind.LinkChanged : NetlinkEventKind.LinkRemoved, Link: RouteNetlink.ParseLink(body)));
                break;
            case Rt.RTM_NEWADDR or Rt.RTM_DELADDR when RouteNetlink.ParseAddress(body) is { } address:
                events.Add(new(type == Rt.RTM_NEWADDR ? NetlinkEventKind.AddressChanged : NetlinkEventKind.AddressRemoved, Address: address));
                break;
            case Rt.RTM_NEWROUTE or Rt.RTM_DELROUTE when RouteNetlink.ParseRoute(body) is { } route:
                events.Add(new(type == Rt.RTM_NEWROUTE ? NetlinkEventKind.RouteChanged : NetlinkEventKind.RouteRemoved, Route: route));
                break;
            case Rt.RTM_NEWRULE or Rt.RTM_DELRULE:
                events.Add(new(type == Rt.RTM_NEWRULE ? NetlinkEventKind.RuleAdded : NetlinkEventKind.RuleRemoved));
                break;
            case Rt.RTM_NEWQDISC or Rt.RTM_DELQDISC or Rt.RTM_NEWTFILTER or Rt.RTM_DELTFILTER:
                events.Add(new(NetlinkEventKind.TrafficControlChanged));
                break;
            default:
                break;
        }
    }
}
