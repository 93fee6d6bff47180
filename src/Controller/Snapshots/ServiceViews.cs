using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>
/// What of a service is whose to know: of one that is local to nodes, its backends on the own node; of one whose EndpointSlices have hints, those for the zone of the node; of one whose requests prefer their zone, which are in it; and nobody where backends are.
/// </summary>
internal static class ServiceViews
{
    /// <summary>What every node is told that has no view of its own.</summary>
    public static ServiceInfo Shared(this ServiceInfo service) => service.WithBackends(port => service.IsNodeLocal ? [] : port.Backends);

    /// <summary>What a node is told.</summary>
    /// <param name="service">The service.</param>
    /// <param name="node">The node.</param>
    /// <param name="zone">Its zone; null: nobody says.</param>
    /// <param name="zoneOf">The zone of any node.</param>
    public static ServiceInfo For(this ServiceInfo service, string node, string? zone, Func<string, string?> zoneOf) => service.IsNodeLocal ? service.OnNode(node) : service.InZone(zone, zoneOf);

    /// <summary>Whether nodes of one zone are told something else than those of another.</summary>
    public static bool DependsOnZones(this ServiceInfo service) => service.Ports.Any(p => PrefersZone(p) || p.Backends.Any(b => !b.Zones.IsEmpty));

    /// <summary>What nodes are told that are told something else than <see cref="Shared"/>, once for all of a zone.</summary>
    /// <param name="service">The service.</param>
    /// <param name="zones">The nodes whose zone is known, by zone.</param>
    /// <param name="zoneOf">The zone of any node.</param>
    public static IEnumerable<(ServiceInfo View, IReadOnlyCollection<string> Nodes)> OwnViews(this ServiceInfo service, IEnumerable<KeyValuePair<string, IReadOnlyCollection<string>>> zones, Func<string, string?> zoneOf)
    {
        if (service.IsNodeLocal) return service.Ports.SelectMany(p => p.Backends).Select(b => b.Node).OfType<string>().Distinct().Select(n => (service.OnNode(n), (IReadOnlyCollection<string>)[n]));
        if (!service.DependsOnZones()) return [];
        ServiceInfo shared = service.Shared();
        return zones.Select(z => (View: service.InZone(z.Key, zoneOf), z.Value)).Where(z => z.View != shared);
    }

    private static ServiceInfo OnNode(this ServiceInfo service, string node) => service.WithBackends(port => port.Backends.Where(b => b.Node == node));

    private static ServiceInfo InZone(this ServiceInfo service, string? zone, Func<string, string?> zoneOf) =>
        service.WithBackends(port => port.Backends.GroupBy(b => b.Address.AddressFamily).SelectMany(f => PrefersZone(port) ? NearIn([.. f], zone, zoneOf) : InZone([.. f], zone)));

    // As kube-proxy has it: hints count where every backend has some, and one at least is for the zone.
    private static IEnumerable<ServiceBackend> InZone(ServiceBackend[] backends, string? zone) => AreHinted(backends, zone) ? backends.Where(b => b.Zones.Contains(zone!)) : backends;

    // Where hints count they say who is near, as they even out what zones have; but the others stay, to be asked when those fail.
    private static IEnumerable<ServiceBackend> NearIn(ServiceBackend[] backends, string? zone, Func<string, string?> zoneOf)
    {
        bool areHinted = AreHinted(backends, zone);
        return backends.Select(b => b with { IsNear = areHinted ? b.Zones.Contains(zone!) : zone is not null && b.Node is { } node && zoneOf(node) == zone });
    }

    private static bool AreHinted(ServiceBackend[] backends, string? zone) => zone is not null && backends.All(b => !b.Zones.IsEmpty) && backends.Any(b => b.Zones.Contains(zone));

    private static bool PrefersZone(ServicePort port) => port.Requests?.Balancing is { PrefersZone: true };

    private static ServiceInfo WithBackends(this ServiceInfo service, Func<ServicePort, IEnumerable<ServiceBackend>> wanted) =>
        service with { Ports = service.Ports.Select(p => p with { Backends = wanted(p).Select(b => b with { Node = null, Zones = [], IsEnding = false }).OrderBy(b => IpPrefix.Host(b.Address)).ThenBy(b => b.Port).ToEquatableArray() }).ToEquatableArray() };
}
