using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>
/// Shares out by namespace the room that nodes and controllers have for Services. The Services of a namespace that asks for too much are closed: their addresses are known, and lead nowhere. Not thread-safe.
/// </summary>
internal sealed class ServiceRoom
{
    private readonly NamespaceShares _ports = new(NamespaceLimits.MostServicePorts, NamespaceLimits.MostServicePorts);
    private readonly NamespaceShares _backends = new(NamespaceLimits.MostBackends, NamespaceLimits.MostBackends);
    private readonly NamespaceShares _trusted = new(NamespaceLimits.MostTrustedPrefixes, NamespaceLimits.MostTrustedPrefixes);
    private readonly Dictionary<NamespacedName, (ServiceDemand Demand, long Routed)> _demands = [];
    private readonly MultiMap<string, NamespacedName> _services = new();

    /// <summary>What a Service asks for; null: there is none.</summary>
    public ServiceDemand? Find(NamespacedName service) => _demands.TryGetValue(service, out (ServiceDemand Demand, long) found) ? found.Demand : null;

    /// <summary>Whether the Services of a namespace are closed.</summary>
    public bool IsClosed(string ns) => _ports.IsOver(ns) || _backends.IsOver(ns) || _trusted.IsOver(ns);

    /// <summary>Has a Service ask for something else by itself.</summary>
    /// <param name="service">Its name.</param>
    /// <param name="demand">What it asks for; null: it is gone.</param>
    /// <returns>The Services that are closed now or no longer are.</returns>
    public IReadOnlyCollection<NamespacedName> Set(NamespacedName service, ServiceDemand? demand) => Set(service, demand, demand is null ? 0 : _demands.GetValueOrDefault(service).Routed);

    /// <summary>Has a Service that there is ask for other backends by its routes.</summary>
    /// <param name="service">Its name.</param>
    /// <param name="backends">How many.</param>
    /// <returns>The Services that are closed now or no longer are.</returns>
    public IReadOnlyCollection<NamespacedName> SetRouted(NamespacedName service, long backends) => Set(service, _demands[service].Demand, backends);

    /// <summary>What is wrong with each namespace whose Services are closed, said of the first of them by name.</summary>
    /// <param name="find">A Service by name.</param>
    public IEnumerable<SourceError> Errors(Func<NamespacedName, ServiceObject?> find) => _ports.Over.Select(ns => Error(ns, $"{NamespaceLimits.MostServicePorts} ports, one for each address,", find))
        .Concat(_backends.Over.Select(ns => Error(ns, $"{NamespaceLimits.MostBackends} backends of ports", find)))
        .Concat(_trusted.Over.Select(ns => Error(ns, $"{NamespaceLimits.MostTrustedPrefixes} prefixes of trusted load balancers, one for each workload,", find)));

    private HashSet<NamespacedName> Set(NamespacedName service, ServiceDemand? demand, long routed)
    {
        (ServiceDemand? before, long routedBefore) = _demands.GetValueOrDefault(service);
        if (demand is null)
        {
            _demands.Remove(service);
            _services.Remove(service.Namespace, service);
        }
        else
        {
            _demands[service] = (demand, routed);
            _services.Add(service.Namespace, service);
        }
        IEnumerable<string> changed =
        [
            .. _ports.Change(service.Namespace, (demand?.Ports ?? 0) - (before?.Ports ?? 0)),
            .. _backends.Change(service.Namespace, (demand?.OwnBackends ?? 0) + routed - (before?.OwnBackends ?? 0) - routedBefore),
            .. _trusted.Change(service.Namespace, (demand?.OwnPrefixes ?? 0) + (demand?.RoutedPrefixes(routed) ?? 0) - (before?.OwnPrefixes ?? 0) - (before?.RoutedPrefixes(routedBefore) ?? 0)),
        ];
        return [.. changed.SelectMany(ns => _services[ns])];
    }

    private SourceError Error(string ns, string room, Func<NamespacedName, ServiceObject?> find)
    {
        ServiceObject first = find(_services[ns].Min())!;
        return new(first.Meta.Origin.Place, first.Meta.Origin.Line, first.Key.ToString(), "spec.ports",
            $"the Services of namespace '{ns}', this one and all others, are closed: all namespaces together ask for more than the {room} that there is room for in the mesh, and none that still serves asks for more than this one; give it fewer");
    }
}
