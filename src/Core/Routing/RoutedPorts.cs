namespace Culvert.Core;

/// <summary>The Service ports whose requests are routed: connections to them are read by the proxy, and the kernel draws no backend for them.</summary>
public static class RoutedPorts
{
    /// <summary>Those of a snapshot, with the routes for each. A port that is declared to speak something else than HTTP has none.</summary>
    public static IEnumerable<RoutedServicePort> Of(NodeSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return from byService in snapshot.HttpRoutes.Values.SelectMany(r => r.Parents, (route, parent) => (Route: route, Parent: parent)).GroupBy(p => p.Parent.Service)
               where snapshot.Services.ContainsKey(byService.Key)
               let service = snapshot.Services[byService.Key]
               from port in service.Ports
               where port.AppProtocol is null || HttpKinds.Of(port.AppProtocol) != HttpKind.None
               let routes = byService.Where(p => p.Parent.Covers(port)).Select(p => p.Route).Distinct().ToEquatableArray()
               where !routes.IsEmpty
               select new RoutedServicePort(service, port, routes);
    }
}

/// <summary>A Service port whose requests are routed.</summary>
/// <param name="Service">The Service.</param>
/// <param name="Port">The port.</param>
/// <param name="Routes">The routes for it, of whomever.</param>
public sealed record RoutedServicePort(ServiceInfo Service, ServicePort Port, EquatableArray<HttpRouteInfo> Routes);
