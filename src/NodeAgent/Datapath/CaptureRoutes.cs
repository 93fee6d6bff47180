using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Abi;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The ip rules and local routes that deliver captured packets to this node's sockets, for IPv4 and IPv6: packets with the capture mark look in
/// a table whose only route says that every address is local. Packets of this node's own that have the mark have no route: whoever may set marks here
/// (CAP_NET_RAW) would speak to the proxy as any pod.
/// </summary>
internal sealed class CaptureRoutes(AgentOptions options)
{
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    /// <summary>Whether any of the rules is there, of this agent's or one before it.</summary>
    internal bool AreThere()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        return netlink.GetRules().Intersect(Families.SelectMany(Rules)).Any();
    }

    /// <summary>Makes what is missing. Idempotent.</summary>
    /// <exception cref="NetlinkException">The kernel refused, for example without CAP_NET_ADMIN.</exception>
    internal void Ensure()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        int loopback = netlink.GetLink("lo").Index;
        IReadOnlyList<IpRule> present = netlink.GetRules();
        foreach (AddressFamily family in Families)
        {
            foreach (IpRule rule in Rules(family).Except(present)) netlink.AddRule(rule);
            netlink.ReplaceRoute(Route(family, loopback));
        }
    }

    /// <summary>Removes what <see cref="Ensure"/> made; returns one line for each thing removed.</summary>
    internal IReadOnlyList<string> Remove()
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

    private IpRoute Route(AddressFamily family, int loopback) => new()
    {
        Destination = new IPNetwork(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0),
        Type = RouteType.Local,
        Table = (int)options.RouteTable,
        InterfaceIndex = loopback,
    };
}
