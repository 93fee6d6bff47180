using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Puts the backends that UDPRoutes name in the place of a Service's own, with their weights multiplied out. Pure.</summary>
internal static class UdpRouteCompiler
{
    /// <summary>A service with the routes applied. Where several routes claim a port, the first by name has it; a reference that leads nowhere takes no share.</summary>
    /// <param name="service">The service by itself.</param>
    /// <param name="routes">The routes that name it as a parent, by name.</param>
    /// <param name="find">A service by itself, or null.</param>
    public static ServiceInfo Apply(ServiceInfo service, IReadOnlyCollection<UdpRouteObject> routes, Func<NamespacedName, ServiceInfo?> find) =>
        routes.Count == 0 ? service : service with { Ports = service.Ports.Select(port => Route(service, routes, port, find)).ToEquatableArray() };

    private static ServicePort Route(ServiceInfo service, IReadOnlyCollection<UdpRouteObject> routes, ServicePort port, Func<NamespacedName, ServiceInfo?> find)
    {
        UdpRouteObject? route = routes.FirstOrDefault(r => r.Parents.Any(p => p.Service == service.Name.Name && p.Covers(port)));
        return route is null ? port : port with { Backends = Multiply(Targets(route, find)) };
    }

    private static List<(int Weight, EquatableArray<ServiceBackend> Backends)> Targets(UdpRouteObject route, Func<NamespacedName, ServiceInfo?> find)
    {
        var targets = new List<(int, EquatableArray<ServiceBackend>)>();
        foreach (UdpRouteObject.Backend backend in route.Backends)
        {
            ServicePort? port = find(new(route.Meta.Namespace, backend.Service))?.Ports
                .FirstOrDefault(p => p.Port == backend.Port && p.Protocol == TransportProtocol.Udp);
            if (port is not null) targets.Add((backend.Weight, port.Backends));
        }
        return targets;
    }

    /// <summary>A target's share is spread over its backends by their own weights; families are told apart, for a client reaches backends of its own only.</summary>
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
        return shares.Values.Select(s => s.Backend with { Weight = s.Share > 0 ? (ushort)Math.Max(1, Math.Round(s.Share * factor)) : (ushort)0 })
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
