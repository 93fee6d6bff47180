using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Puts the backends that routes name in the place of a Service's own, with their weights multiplied out. Pure.</summary>
internal static class RouteCompiler
{
    /// <summary>A service with the routes applied. Where several routes claim a port, the first has it; a reference that leads nowhere takes no share.</summary>
    /// <param name="service">The service by itself.</param>
    /// <param name="routes">The routes that name it as a parent, the one that counts first.</param>
    /// <param name="requests">The routes of requests to the service that its owner has made: a port of theirs keeps its own backends.</param>
    /// <param name="find">A service by itself, or null.</param>
    public static ServiceInfo Apply(ServiceInfo service, IReadOnlyCollection<RouteObject> routes, IReadOnlyCollection<HttpRouteObject> requests, Func<NamespacedName, ServiceInfo?> find) =>
        routes.Count == 0 ? service : service with { Ports = service.Ports.Select(port => Route(service, routes, requests, port, find)).ToEquatableArray() };

    /// <summary>The route that a port of a service follows: the first that means it, null where none does, or where routes of requests count before them.</summary>
    public static RouteObject? Find(IReadOnlyCollection<RouteObject> routes, IReadOnlyCollection<HttpRouteObject> requests, NamespacedName service, ServicePort port) =>
        requests.Any(r => r.Covers(service, port)) ? null : routes.FirstOrDefault(r => r.Covers(service.Name, port));

    private static ServicePort Route(
        ServiceInfo service, IReadOnlyCollection<RouteObject> routes, IReadOnlyCollection<HttpRouteObject> requests, ServicePort port, Func<NamespacedName, ServiceInfo?> find) =>
        Find(routes, requests, service.Name, port) is { DividesRequests: false } route ? port with { Backends = Multiply(Targets(route, port, find)) } : port;

    private static List<(int Weight, EquatableArray<ServiceBackend> Backends)> Targets(RouteObject route, ServicePort parent, Func<NamespacedName, ServiceInfo?> find)
    {
        var targets = new List<(int, EquatableArray<ServiceBackend>)>();
        foreach (RouteObject.Backend backend in route.Backends)
        {
            ServicePort? port = find(new(route.Meta.Namespace, backend.Service))?.Ports
                .FirstOrDefault(p => p.Port == (backend.Port ?? parent.Port) && p.Protocol == parent.Protocol);
            if (port is not null) targets.Add((backend.Weight, Best(port.Backends)));
        }
        return targets;
    }

    // A Service that is local to nodes has some that are ending beside those that are ready on other nodes.
    private static EquatableArray<ServiceBackend> Best(EquatableArray<ServiceBackend> backends) =>
        backends.GroupBy(b => b.Address.AddressFamily).SelectMany(f => f.Any(b => !b.IsEnding) ? f.Where(b => !b.IsEnding) : f).ToEquatableArray();

    /// <summary>
    /// A target's share is spread over its backends by their own weights; families are told apart, for a client reaches backends of its own only. To keep clients to their zones would be to change shares.
    /// </summary>
    private static EquatableArray<ServiceBackend> Multiply(List<(int Weight, EquatableArray<ServiceBackend> Backends)> targets)
    {
        var shares = new Dictionary<(IPAddress Address, ushort Port), (ServiceBackend Backend, double Share)>();
        foreach ((int weight, EquatableArray<ServiceBackend> backends) in targets)
        {
            foreach (var family in backends.GroupBy(b => b.Address.AddressFamily))
            {
                double total = Math.Max(1, family.Sum(b => b.Weight));
                foreach (ServiceBackend backend in family)
                {
                    (IPAddress, ushort) key = (backend.Address, backend.Port);
                    shares[key] = (backend, shares.GetValueOrDefault(key).Share + ((double)weight * backend.Weight / total));
                }
            }
        }
        double factor = Factor([.. shares.Values.Select(s => s.Share).Where(s => s > 0)]);
        return shares.Values.Select(s => s.Backend with { Weight = s.Share > 0 ? (ushort)Math.Max(1, Math.Round(s.Share * factor)) : (ushort)0, Zones = [] })
            .OrderBy(b => IpPrefix.Host(b.Address)).ThenBy(b => b.Port).ToEquatableArray();
    }

    /// <summary>The smallest factor that makes whole numbers of all shares, else the largest that keeps them within 16 bits.</summary>
    private static double Factor(double[] shares)
    {
        if (shares.Length == 0) return 1;
        double most = shares.Max();
        for (int factor = 1; factor <= 1000 && factor * most <= ushort.MaxValue; factor++)
        {
            if (shares.All(s => Math.Abs((s * factor) - Math.Round(s * factor)) < 1e-6)) return factor;
        }
        return ushort.MaxValue / most;
    }
}
