namespace Culvert.Core;

/// <summary>The Service ports whose requests are routed: connections to them are read by the proxy, and the kernel draws no backend for them. Immutable; may be used by many threads.</summary>
public sealed class RoutedPorts
{
    private readonly NodeSnapshot _snapshot;

    // By the object: a snapshot has each port once, and two that look the same are two.
    private readonly Dictionary<ServicePort, RoutedServicePort> _byPort = new(ReferenceEqualityComparer.Instance);

    /// <summary>Finds them. A port that is declared to speak something else than HTTP has none.</summary>
    public RoutedPorts(NodeSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        _snapshot = snapshot;
        foreach (ServiceInfo service in snapshot.Services.Values)
        {
            foreach (ServicePort port in service.Ports.Where(p => p.Requests is not null && HttpKinds.Of(p.AppProtocol) != HttpKind.None)) _byPort.Add(port, new RoutedServicePort(service, port, []));
        }

        foreach (var parents in snapshot.HttpRoutes.Values.SelectMany(r => r.Parents, (route, parent) => (Route: route, Parent: parent)).GroupBy(p => p.Parent.Service))
        {
            if (!snapshot.Services.TryGetValue(parents.Key, out ServiceInfo? service)) continue;
            foreach (ServicePort port in service.Ports.Where(p => HttpKinds.MayBe(p.AppProtocol)))
            {
                EquatableArray<HttpRouteInfo> routes = parents.Where(p => p.Parent.Covers(port)).Select(p => p.Route).Distinct().ToEquatableArray();
                if (!routes.IsEmpty) _byPort[port] = new RoutedServicePort(service, port, routes);
            }
        }
    }

    /// <summary>All of them.</summary>
    public IReadOnlyCollection<RoutedServicePort> All => _byPort.Values;

    /// <summary>The routes of the snapshot, and those of ports that have none of their own.</summary>
    public IEnumerable<HttpRouteInfo> Routes => _snapshot.HttpRoutes.Values.Concat(_byPort.Values.SelectMany(p => p.Plain));

    /// <summary>Whether a port of the snapshot is one.</summary>
    public bool Contains(ServicePort port) => _byPort.ContainsKey(port);

    /// <summary>What is routed of a port of the snapshot; null: nothing.</summary>
    public RoutedServicePort? Find(ServicePort port) => _byPort.GetValueOrDefault(port);
}

/// <summary>A Service port whose requests are routed.</summary>
/// <param name="Service">The Service.</param>
/// <param name="Port">The port.</param>
/// <param name="Routes">The routes for it, of whomever.</param>
public sealed record RoutedServicePort(ServiceInfo Service, ServicePort Port, EquatableArray<HttpRouteInfo> Routes)
{
    /// <summary>What is in force for clients that no other route is for: where something holds for requests to the port (<see cref="ServicePort.Requests"/>), a route of all of them to the Service itself. Empty otherwise.</summary>
    public EquatableArray<HttpRouteInfo> Plain { get; } = Port.Requests is null || HttpKinds.Of(Port.AppProtocol) == HttpKind.None ? [] :
    [
        new()
        {
            Name = Service.Name,
            Parents = [new HttpRouteParent(Service.Name, Port.Port)],
            Rules = [new HttpRouteRule { Name = HttpRouteRule.NameWithoutRoute, Matches = [new HttpRouteMatch()], Backends = [new HttpRouteBackend(Service.Name, Port.Port)] }],
        },
    ];

    /// <summary>The namespaces whose clients have routes of their own, which are not the Service's.</summary>
    public IEnumerable<string> ConsumerNamespaces => Routes.Select(r => r.Name.Namespace).Where(n => n != Service.Name.Namespace).Distinct(StringComparer.Ordinal);

    /// <summary>
    /// The routes that are in force for clients of a namespace: their own, or else those of the Service's owner, and of these all that are of the kind that counts first (GEP-1294). Empty: none are.
    /// </summary>
    /// <param name="clientNamespace">The clients' namespace; null: they are not of the mesh.</param>
    public EquatableArray<HttpRouteInfo> For(string? clientNamespace)
    {
        HttpRouteInfo[] routes = [.. Routes.Where(r => r.Name.Namespace == clientNamespace)];
        if (routes.Length == 0) routes = [.. Routes.Where(r => r.Name.Namespace == Service.Name.Namespace)];
        return routes.Length == 0 ? Plain : routes.Where(r => r.Kind == routes.Min(other => other.Kind)).ToEquatableArray();
    }
}
