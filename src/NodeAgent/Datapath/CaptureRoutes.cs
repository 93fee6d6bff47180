using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Abi;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// The ip rules and local routes that deliver captured packets to this node's sockets, for IPv4 and IPv6: packets with the capture mark look in
/// a table whose only route says that every address is local.
/// </summary>
internal sealed class CaptureRoutes(AgentOptions options)
{
    private static readonly AddressFamily[] Families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    /// <summary>Makes what is missing. Idempotent.</summary>
    /// <exception cref="NetlinkException">The kernel refused, for example without CAP_NET_ADMIN.</exception>
    internal void Ensure()
    {
        using RouteNetlink netlink = RouteNetlink.Open();
        int loopback = netlink.GetLink("lo").Index;
        foreach (AddressFamily family in Families)
        {
            if (!netlink.GetRules().Any(r => IsOurs(r, family))) netlink.AddRule(Rule(family));
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
            if (netlink.DeleteRule(Rule(family))) removed.Add($"rule {Rule(family)}");
            if (netlink.DeleteRoute(Route(family, loopback))) removed.Add($"route {Route(family, loopback)}");
        }
        return removed;
    }

    private bool IsOurs(IpRule rule, AddressFamily family) =>
        rule.Family == family && rule.Priority == options.RulePriority && rule.Mark == CvAbi.MarkCapture && rule.Table == (int)options.RouteTable;

    private IpRule Rule(AddressFamily family) => new()
    {
        Family = family,
        Priority = options.RulePriority,
        Table = (int)options.RouteTable,
        Mark = CvAbi.MarkCapture,
        Mask = CvAbi.MarkMask,
    };

    private IpRoute Route(AddressFamily family, int loopback) => new()
    {
        Destination = new IPNetwork(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0),
        Type = RouteType.Local,
        Table = (int)options.RouteTable,
        InterfaceIndex = loopback,
    };
}
