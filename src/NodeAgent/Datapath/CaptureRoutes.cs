using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The ip rules and local routes that deliver captured packets to this node's sockets, for IPv4 and IPv6: packets with the capture mark look in
/// a table whose only route says that every address is local. Packets of this node's own that have the mark go past that rule and are routed as any: whoever may set marks here
/// (CAP_NET_RAW) would else speak to the proxy as any pod. So do the looks at a packet's way back (rp_filter with src_valid_mark, the packet filter's rpfilter and fib), which count as the node's own
/// and would else find a pod's address to be this node's. In a pod's own namespace captured packets come by lo, and whoever sets marks there speaks as that pod only: there is one rule. Each call is about the namespace that
/// the calling thread is in. Thread-safe.
/// </summary>
/// <param name="options">Marks, table and priorities.</param>
/// <param name="podFamilies">The families that a pod has in its namespace; null: it is the node's.</param>
internal sealed class CaptureRoutes(AgentOptions options, ImmutableArray<AddressFamily>? podFamilies = null)
{
    private readonly ImmutableArray<AddressFamily> _families = podFamilies ?? [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];
    private readonly Lock _lock = new();
    private bool _done;

    /// <summary>Whether any of the rules is there, of this agent's, one before it or another one.</summary>
    internal bool AreThere()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetRules().Any(IsAgents);
    }

    /// <summary>Removes what agents before this one made otherwise: with other priorities, marks or actions. Not while there is another agent, whose they may be.</summary>
    /// <returns>One line for each rule removed.</returns>
    internal IReadOnlyList<string> RemoveOthers()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return RemoveRules(netlink, netlink.GetRules().Where(IsAgents).Except(_families.SelectMany(Rules)));
    }

    /// <summary>Makes what is missing. Idempotent; does nothing any more after <see cref="Remove"/> or <see cref="Leave"/>.</summary>
    /// <returns>One line for each rule and route made.</returns>
    /// <exception cref="NetlinkException">The kernel refused, for example without CAP_NET_ADMIN.</exception>
    internal IReadOnlyList<string> Ensure()
    {
        lock (_lock) return _done ? [] : Make();
    }

    /// <summary>Removes every rule and route of an agent, and makes none any more; returns one line for each thing removed. For when there is no other agent.</summary>
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
        foreach (AddressFamily family in _families)
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
        removed.AddRange(RemoveRules(netlink, netlink.GetRules().Where(IsAgents)));
        foreach (AddressFamily family in _families)
        {
            if (netlink.DeleteRoute(Route(family, loopback))) removed.Add($"route {Route(family, loopback)}");
        }
        return removed;
    }

    // What leads to the proxy goes before what guards it.
    private static List<string> RemoveRules(RouteNetlink netlink, IEnumerable<IpRule> rules) =>
        [.. rules.OrderBy(r => r.Action != IpRuleAction.Lookup).Where(netlink.DeleteRule).Select(r => $"rule {r}")];

    /// <summary>Whether a rule is one for captured packets, of this agent or another one with the same marks and table.</summary>
    internal bool IsOwn(IpRule rule) => IsAgents(rule) && rule.Mark == options.Marks.Capture && rule.Mask == options.Marks.Mask && !rule.Invert;

    // All name the table, by which agents, `culvert check` and `culvert detach` know them.
    private bool IsAgents(IpRule rule) => rule.Table == options.RouteTable;

    // In the order in which they are made: while there is no target the second does nothing, and nothing may be led to the proxy without it.
    private IpRule[] Rules(AddressFamily family)
    {
        IpRule captured = new()
        {
            Family = family,
            Priority = options.RulePriority + 1,
            Table = (int)options.RouteTable,
            Mark = options.Marks.Capture,
            Mask = options.Marks.Mask,
        };
        if (podFamilies is not null) return [captured];
        // Of the mark as well, though it does nothing: other packets are done with it sooner, and each that is forwarded meets it twice.
        IpRule behind = captured with { Priority = options.RulePriority + 2, Action = IpRuleAction.None };
        IpRule own = captured with { Priority = options.RulePriority, InputInterface = "lo", Action = IpRuleAction.GoTo, Target = behind.Priority };
        return [behind, own, captured];
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
