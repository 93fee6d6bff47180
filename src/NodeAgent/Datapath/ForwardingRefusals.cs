using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Finds what has the node's own forwarding hand on nothing between a pod and others: settings of the kernel, and routes that refuse. One look; not thread-safe.</summary>
/// <param name="netlink">The agent's namespace.</param>
/// <param name="routes">Those of the main table.</param>
internal sealed class ForwardingRefusals(RouteNetlink netlink, IReadOnlyList<IpRoute> routes)
{
    private readonly Dictionary<AddressFamily, Predicate<int>> _off = [];

    // Most nodes have none that refuses, and the look-up costs more than all else here.
    private readonly Lazy<RouteLookup?> _routes = new(() => routes.Any(r => r.Type != RouteType.Unicast) ? new RouteLookup(routes) : null);

    /// <summary>What it is, for people; null when nothing is found. What can't be read counts as something.</summary>
    /// <param name="workload">The pod.</param>
    /// <param name="link">The link that its packets are routed from: the host's end of its own, or the bridge that has this as a port.</param>
    internal string? Find(WorkloadInfo workload, LinkState link)
    {
        foreach (IPAddress address in workload.Addresses)
        {
            if (_routes.Value?.Find(address) is { Type: not RouteType.Unicast } route) return $"the route {route}";
        }
        try
        {
            if (Has(AddressFamily.InterNetwork) && IsOff(AddressFamily.InterNetwork)) return $"net.ipv4.conf.{link.Name}.forwarding, which is 0";
            return Has(AddressFamily.InterNetworkV6) && IsOff(AddressFamily.InterNetworkV6) ? "net.ipv6.conf.all.forwarding, which is 0" : null;
        }
        catch (NetlinkException e)
        {
            return $"what can't be read: {e.Message}";
        }

        bool Has(AddressFamily family) => workload.Addresses.Any(a => a.AddressFamily == family);

        bool IsOff(AddressFamily family)
        {
            if (!_off.TryGetValue(family, out Predicate<int>? off)) _off.Add(family, off = netlink.FindNotForwarded(family));
            return off(link.Index);
        }
    }
}
