using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Finds what has the node's own forwarding hand on nothing between a pod and others: links that are down, settings of the kernel, and routes that refuse or lead elsewhere. One look; not thread-safe.</summary>
/// <param name="netlink">The agent's namespace.</param>
/// <param name="routes">Those of the tables local and main, which all packets are routed by.</param>
internal sealed class ForwardingRefusals(RouteNetlink netlink, IReadOnlyList<IpRoute> routes)
{
    private readonly Dictionary<AddressFamily, Predicate<int>> _off = [];

    // All packets look there first. What it has of the node's own addresses concerns no pod.
    private readonly Lazy<RouteLookup> _local = new(() => new RouteLookup(routes.Where(r => r.Table == IpRoute.LocalTable)));
    private readonly Lazy<RouteLookup> _main = new(() => new RouteLookup(routes.Where(r => r is { Table: IpRoute.MainTable, IsConditional: false })));
    private readonly IpRoute[] _conditional = [.. routes.Where(r => r.IsConditional)];

    /// <summary>What it is, for people; null when nothing is found. What can't be read counts as something.</summary>
    /// <param name="workload">The pod.</param>
    /// <param name="link">The host's end of its link.</param>
    /// <param name="router">The link that its packets are routed from: that, or the bridge that has it as a port.</param>
    internal string? Find(WorkloadInfo workload, LinkInfo link, LinkInfo router)
    {
        if (FindDown(link, router) is { } down) return $"the link {down.Name}, which is down";
        if (Has(AddressFamily.InterNetworkV6) && router.IsWithoutIPv6) return $"net.ipv6.conf.{router.Name}.disable_ipv6, which is 1";
        if (workload.Addresses.Select(a => FindRoute(a, router)).FirstOrDefault(r => r is not null) is { } route) return route;
        try
        {
            if (Has(AddressFamily.InterNetwork) && IsOff(AddressFamily.InterNetwork)) return $"net.ipv4.conf.{router.Name}.forwarding, which is 0";
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
            return off(router.Index);
        }
    }

    private static LinkInfo? FindDown(LinkInfo link, LinkInfo router) => !link.IsUp ? link : !router.IsUp ? router : null;

    private string? FindRoute(IPAddress address, LinkInfo router)
    {
        if (_local.Value.Find(address) is { } own) return $"the route {own}";
        IpRoute? best = _main.Value.Find(address);
        if (best is null) return $"that no route leads to {address}";
        if (best.Type != RouteType.Unicast) return $"the route {best}";
        if (best.InterfaceIndex != router.Index) return $"the route {best}, which does not lead to {router.Name}";
        if (best.Encapsulates) return $"the route {best}, which puts packets into others or gives them to a program";

        // Of the same destination the kernel prefers those with a condition.
        return _conditional.FirstOrDefault(r => r.Destination.Contains(address) && r.Destination.PrefixLength >= best.Destination.PrefixLength) is { } conditional ? $"the route {conditional}, which is for some packets only" : null;
    }
}
