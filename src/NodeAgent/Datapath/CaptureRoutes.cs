using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Abi;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The ip rules and local routes that deliver captured packets to this node's sockets, for IPv4 and IPv6: packets with the capture mark look in
/// a table whose only route says that every address is local. Packets of this node's own that have the mark have no route: whoever may set marks here
/// (CAP_NET_RAW) would speak to the proxy as any pod. Thread-safe.
/// </summary>
internal sealed class CaptureRoutes(AgentOptions options)
{
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];
    private readonly Lock _lock = new();
    private bool _done;

    /// <summary>Whether any of the rules is there, of this agent's or one before it.</summary>
    internal bool AreThere()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetRules().Intersect(Families.SelectMany(Rules)).Any();
    }

    /// <summary>Makes what is missing. Idempotent; does nothing any more after <see cref="Remove"/> or <see cref="Leave"/>.</summary>
    /// <returns>One line for each rule and route made.</returns>
    /// <exception cref="NetlinkException">The kernel refused, for example without CAP_NET_ADMIN.</exception>
    internal IReadOnlyList<string> Ensure()
    {
        lock (_lock) return _done ? [] : Make();
    }

    /// <summary>Removes what <see cref="Ensure"/> made, and makes it no more; returns one line for each thing removed.</summary>
    internal IReadOnlyList<string> Remove()
    {
        lock (_lock)
        {
            _done = true;
            return Unmake();
        }
    }

    /// <summary>Makes nothing any more, and leaves what there is to others.</summary>
    internal void Leave()
    {
        lock (_lock) _done = true;
    }

    // What is there is not written again: each write would be told of as a change, and bring the next look.
    private List<string> Make()
    {
        List<string> made = [];
        using RouteNetlink netlink = RouteNetlink.Open();
        int loopback = netlink.GetLink("lo").Index;
        IReadOnlyList<IpRule> rules = netlink.GetRules();
        IReadOnlyList<IpRoute> routes = netlink.GetRoutes((int)options.RouteTable);
        foreach (AddressFamily family in Families)
        {
            foreach (IpRule rule in Rules(family).Except(rules))
            {
                if (netlink.AddRule(rule)) made.Add($"rule {rule}");
            }

            IpRoute route = Route(family, loopback);
            if (routes.Any(r => IsSame(r, route))) continue;
            netlink.ReplaceRoute(route);
            made.Add($"route {route}");
        }
        return made;
    }

    private List<string> Unmake()
    {
        List<string> removed = [];
        using RouteNetlink netlink = RouteNetlink.Open();
        int loopback = netlink.GetLink("lo").Index;
        foreach (AddressFamily family in Families)
        {
            foreach (IpRule rule in Rules(family))
            {
                if (netlink.DeleteRule(rule)) removed.Add($"rule {rule}");
            }

            if (netlink.DeleteRoute(Route(family, loopback))) removed.Add($"route {Route(family, loopback)}");
        }
        return removed;
    }

    // The first before the second. Both name the table, by which `culvert check` and `culvert detach` know them.
    private IpRule[] Rules(AddressFamily family)
    {
        IpRule captured = new()
        {
            Family = family,
            Priority = options.RulePriority,
            Table = (int)options.RouteTable,
            Mark = CvAbi.MarkCapture,
            Mask = CvAbi.MarkMask,
        };
        return [captured with { Priority = options.RulePriority - 1, InputInterface = "lo", Unreachable = true }, captured];
    }

    // The kernel fills in what was not said, such as a priority for IPv6.
    private static bool IsSame(IpRoute there, IpRoute wanted)
        => there.Destination.Equals(wanted.Destination) && there.Type == wanted.Type && there.InterfaceIndex == wanted.InterfaceIndex;

    private IpRoute Route(AddressFamily family, int loopback) => new()
    {
        Destination = new IPNetwork(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0),
        Type = RouteType.Local,
        Table = (int)options.RouteTable,
        InterfaceIndex = loopback,
    };
}
