using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.Interop;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Datapath.Delivery;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Links, routes and addresses of the agent's network namespace, listed once when made.</summary>
internal sealed class KernelLinks : ILinks, IHostEnds
{
    private const int EthernetAddress = 6; // bytes
    private const int NoLink = -1;

    // A rule about a pod is about all that it sends: a few neighbours tell.
    private const int MostNeighbours = 4;
    private readonly RouteNetlink _netlink;
    private readonly NamespaceFinder? _namespaces;
    private readonly DeliveryKeeper? _deliveries;
    private readonly Dictionary<string, LinkInfo> _links;
    private readonly Dictionary<int, LinkInfo> _byIndex;
    private readonly Dictionary<IPAddress, int> _hostRoutes = [];
    private readonly IReadOnlyList<IpRoute> _routes;
    private readonly IReadOnlyList<LinkAddress> _addresses;
    private readonly ForeignAttachments _foreign;
    private readonly ForwardingRefusals _refusals;
    private IReadOnlyList<IpRule>? _rules;
    private HashSet<int>? _withHostRoutes;

    /// <summary>Lists them.</summary>
    /// <param name="netlink">The agent's namespace.</param>
    /// <param name="namespaces">Finds those of pods; null: none is asked for.</param>
    /// <param name="deliveries">Knows what does not reach the proxy; null: it is not asked for.</param>
    internal KernelLinks(RouteNetlink netlink, NamespaceFinder? namespaces = null, DeliveryKeeper? deliveries = null)
    {
        _netlink = netlink;
        _deliveries = deliveries;
        _namespaces = namespaces;
        namespaces?.Forget();
        _foreign = new ForeignAttachments(netlink);
        IReadOnlyList<LinkInfo> links = netlink.GetLinks();
        _links = links.ToDictionary(l => l.Name, StringComparer.Ordinal);
        _byIndex = links.ToDictionary(l => l.Index);
        IpRoute[] routes = [.. netlink.GetRoutes(table: 0).Where(r => r.Table is IpRoute.LocalTable or IpRoute.MainTable)];
        _routes = [.. routes.Where(r => r.Table == IpRoute.MainTable)];
        foreach (IpRoute route in _routes)
        {
            IPNetwork to = route.Destination;
            if (IsHost(to) && route.Type == RouteType.Unicast && route.InterfaceIndex != 0 && route.Gateway is null) _hostRoutes.TryAdd(to.BaseAddress, route.InterfaceIndex);
        }
        _refusals = new ForwardingRefusals(netlink, routes);
        _addresses = netlink.GetAddresses();
        NodeAddresses = [.. _addresses.Select(a => a.Address).Where(a => !IPAddress.IsLoopback(a)).Distinct()];
    }

    public IReadOnlyCollection<IPAddress> NodeAddresses { get; }

    public IReadOnlySet<int> Indexes => _byIndex.Keys.ToHashSet();

    public LinkState? FindByName(string name) => _links.TryGetValue(name, out LinkInfo? link) ? State(link) : null;

    public LinkState? FindByHostRoute(IPAddress address) =>
        _hostRoutes.TryGetValue(address, out int index) && _byIndex.TryGetValue(index, out LinkInfo? link) ? State(link) : null;

    public string? FindOtherUse(WorkloadInfo workload, LinkState link)
    {
        // Where a pod is its runtime has said, or the route to it, and nobody who has written an object.
        if (workload.PodUid is not null) return null;
        if (_routes.Any(r => r.InterfaceIndex == link.Index && r.Gateway is { } gateway && !workload.Addresses.Contains(gateway) && !workload.Addresses.Any(a => IsHost(r.Destination) && r.Destination.BaseAddress.Equals(a))))
            return $"interface {link.Name} leads out of the node, by a route with a gateway: name the host's end of the workload's own veth";
        if (workload.Addresses.IsEmpty || workload.Addresses.Any(a => _hostRoutes.TryGetValue(a, out int index) && index == link.Index)) return null;
        return _hostRoutes.FirstOrDefault(r => r.Value == link.Index).Key is { } others
            ? $"interface {link.Name} leads to {others}, which is no address of the workload: name the host's end of the workload's own veth" : null;
    }

    public ImmutableArray<byte>? FindPeerMac(LinkState link)
    {
        if (!_byIndex.TryGetValue(link.Index, out LinkInfo? near)) return null;
        try
        {
            return _netlink.FindPeer(near) is { MacAddress: { } mac } ? [.. mac.GetAddressBytes()] : null;
        }
        catch (NetlinkException e) when (e.Errno == Errno.EINVAL)
        {
            return null; // the pod's namespace has gone since the links were listed
        }
    }

    public string? FindForeign(LinkState link) => _foreign.Find(link.Index);

    public string? FindRefusal(WorkloadInfo workload, LinkState link)
    {
        LinkState router = FindBridge(link) ?? link;
        return _byIndex.TryGetValue(link.Index, out LinkInfo? own) && _byIndex.TryGetValue(router.Index, out LinkInfo? routed) ? _refusals.Find(workload, own, routed) : null;
    }

    public string? FindObstacle(LinkState link) => _foreign.FindRedirecting(link);

    public IReadOnlyDictionary<string, string> FindUndelivered(IReadOnlyList<LocalEndpoint> pods, IReadOnlySet<string> captured, ProbeDestinations destinations) =>
        _deliveries?.Find(pods, captured, destinations) ?? ImmutableDictionary<string, string>.Empty;

    public PodNamespace? FindInside(WorkloadInfo workload, string reason, out string obstacle)
    {
        obstacle = "its network namespace is not looked for";
        return _namespaces?.Find(workload, reason, this, out obstacle);
    }

    public bool IsWithoutHostEnd(WorkloadInfo workload) => _namespaces?.IsWithoutHostEnd(workload) == true;

    int? IHostEnds.FindVeth(WorkloadInfo workload, IPAddress address)
    {
        LinkInfo? link = null;
        if (workload.HostInterface is { } name)
        {
            if (!_links.TryGetValue(name, out link) || FindOtherUse(workload, State(link)) is not null) return NoLink;
        }
        else if (_hostRoutes.TryGetValue(address, out int index))
        {
            link = _byIndex.GetValueOrDefault(index);
        }
        return link is { Kind: "veth" } ? link.Index : null;
    }

    bool IHostEnds.HasHostRoutes(int index) => (_withHostRoutes ??= [.. _hostRoutes.Values]).Contains(index);

    public LinkState? FindBridge(LinkState link) =>
        _byIndex.TryGetValue(link.Index, out LinkInfo? port) && _byIndex.TryGetValue(port.MasterIndex, out LinkInfo? master) && master.Kind == "bridge" ? State(master) : null;

    public IReadOnlyList<LinkState> FindUplinks(IReadOnlySet<string> pods, IEnumerable<IPAddress> near, IEnumerable<IPAddress> far)
    {
        RouteLookup routes = new(_routes);
        HashSet<int> outward = [.. _addresses.Where(a => !a.Address.IsIPv6LinkLocal && !IPAddress.IsLoopback(a.Address) && a.PrefixLength != MaxPrefix(a.Address)).Select(a => a.InterfaceIndex)];
        HashSet<int> beyond = [.. far.Select(routes.Find).OfType<IpRoute>().Where(r => r.Type == RouteType.Unicast).Select(r => r.InterfaceIndex)];
        // The programs read Ethernet: tunnels of bare IP have no such address.
        outward.UnionWith(beyond.Where(i => _byIndex.TryGetValue(i, out LinkInfo? link) && link.MacAddress?.GetAddressBytes().Length == EthernetAddress));

        beyond.UnionWith(_routes.Where(r => r.Gateway is not null).Select(r => r.InterfaceIndex));
        HashSet<int> behind = [.. pods.Select(p => _links.GetValueOrDefault(p)?.MasterIndex ?? 0)];
        behind.UnionWith(near.Select(routes.Find).OfType<IpRoute>().Where(r => r.Gateway is null).Select(r => r.InterfaceIndex));
        return [.. _links.Values.Where(l => l.IsUp && outward.Contains(l.Index) && !pods.Contains(l.Name) && !(l.Kind == "bridge" && (behind.Contains(l.Index) || !beyond.Contains(l.Index)))).OrderBy(l => l.Index).Select(State)];
    }

    public string? FindDetour(WorkloadInfo from, LinkState link, IEnumerable<LocalEndpoint> neighbours)
    {
        // The kernel routes what comes in by a bridge's port as coming in by the bridge.
        LinkState input = FindBridge(link) ?? link;
        _rules ??= _netlink.GetRules();
        if (!_rules.Any(r => r.InputInterface == input.Name && r.Action == IpRuleAction.Lookup && !IpRoute.IsOrdinary(r.Table))) return null;
        foreach (LocalEndpoint to in neighbours.Where(n => n.Index != link.Index).Take(MostNeighbours))
        {
            foreach ((IPAddress source, IPAddress destination) in Pairs(from, to.Workload))
            {
                int output = _netlink.FindForwardLink(source, destination, input.Index);
                if (output == to.Index || !_byIndex.TryGetValue(output, out LinkInfo? outward) || (_byIndex.TryGetValue(to.Index, out LinkInfo? neighbour) && neighbour.MasterIndex == output)) continue;
                return $"a routing rule leads what comes in by {input.Name} out by {outward.Name}, what is for {to.Workload.Uid} of this node, too; do not enrol this pod, or give it no rule of its own (with AWS's CNI: no security group of its own)";
            }
        }
        return null;
    }

    private static IEnumerable<(IPAddress Source, IPAddress Destination)> Pairs(WorkloadInfo from, WorkloadInfo to) =>
        from.Addresses.SelectMany(_ => to.Addresses, (source, destination) => (source, destination)).Where(p => p.source.AddressFamily == p.destination.AddressFamily);

    private static bool IsHost(IPNetwork destination) => destination.PrefixLength == MaxPrefix(destination.BaseAddress);

    private static int MaxPrefix(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128;

    private static LinkState State(LinkInfo link) => new(link.Name, link.Index, link.Mtu, link.MacAddress is { } mac ? [.. mac.GetAddressBytes()] : []);
}
