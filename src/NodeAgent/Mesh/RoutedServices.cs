using System.Collections.Frozen;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Mesh;

/// <summary>The Service ports whose requests are routed, and where routes lead to, and questions to external authorizers and rate limit services. Immutable; replaced with its view.</summary>
internal sealed class RoutedServices
{
    private readonly FrozenDictionary<SocketEndPoint, Routes> _byAddress;
    private readonly FrozenDictionary<(NamespacedName Service, ushort Port, bool IsIPv4), BackendPool> _backends;
    private readonly Dictionary<(NamespacedName Service, ushort Port), (PortRequests Port, RequestSettings Settings)> _requests = [];

    /// <summary>Finds them.</summary>
    /// <param name="view">The view, whose Services are known.</param>
    /// <param name="previous">The view that it replaces: turns, and requests, are counted on.</param>
    /// <param name="ejected">Told of each backend that is left out. Thread-safe.</param>
    /// <param name="used">Told of each Service port whose backends are to be asked whether they are well. Thread-safe.</param>
    internal RoutedServices(MeshView view, MeshView? previous, Action<BackendRequests, TimeSpan>? ejected, Action<PortRequests>? used)
    {
        NodeSnapshot snapshot = view.Snapshot;
        Dictionary<SocketEndPoint, Routes> byAddress = [];
        foreach (RoutedServicePort routed in view.Oracle.RoutedPorts.All)
        {
            SocketEndPoint[] addresses = [.. routed.Service.Vips.Select(vip => new SocketEndPoint(vip, routed.Port.Port))];
            if (addresses.Length == 0) continue;
            Routes routes = new(routed, previous?.Routes._byAddress.GetValueOrDefault(addresses[0]));
            foreach (SocketEndPoint address in addresses) byAddress.TryAdd(address, routes);
        }

        _byAddress = byAddress.ToFrozenDictionary();
        Dictionary<(NamespacedName, ushort, bool), BackendPool> backends = [];
        IEnumerable<(NamespacedName Service, ushort Port)> targets = view.Oracle.RoutedPorts.Routes.SelectMany(r => r.Rules).SelectMany(r => r.Targets);
        (NamespacedName Service, ushort Port)[] named = [.. targets.Concat(snapshot.Mesh.ExternalAuthorizers.Select(a => (a.Service, a.Port))).Concat(LimitServices(snapshot)).Distinct()];
        foreach ((NamespacedName name, ushort number) in named.Concat(named.Select(t => FallbackOf(snapshot, t.Service, t.Port)).OfType<FallbackService>().Select(f => (f.Service, f.Port))).Distinct())
        {
            if (!snapshot.Services.TryGetValue(name, out ServiceInfo? service)) continue;
            if (service.Ports.FirstOrDefault(p => p.Port == number && p.Protocol == TransportProtocol.Tcp) is not { } port) continue;
            PortRequests? requests = port.Requests is { } settings ? RequestsOf(name, port.Port, settings, previous?.Routes, ejected, used) : null;
            foreach (bool isIPv4 in new[] { true, false })
            {
                (NamespacedName, ushort, bool) key = (name, port.Port, isIPv4);
                backends.Add(key, view.PoolOf(service, port, isIPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, previous, previous?.Routes._backends.GetValueOrDefault(key), requests));
            }
        }

        _backends = backends.ToFrozenDictionary();
    }

    private static IEnumerable<(NamespacedName Service, ushort Port)> LimitServices(NodeSnapshot snapshot) =>
        snapshot.Policies.Values.Where(p => p.Action == PolicyAction.Limit).SelectMany(p => p.Rules).Select(r => r.Limit?.Global).OfType<GlobalRateLimit>().Select(g => (g.Service, g.Port));

    private static FallbackService? FallbackOf(NodeSnapshot snapshot, NamespacedName service, ushort port) =>
        snapshot.Services.GetValueOrDefault(service)?.Ports.FirstOrDefault(p => p.Port == port && p.Protocol == TransportProtocol.Tcp)?.Requests?.Fallback;

    /// <summary>What is routed of what a workload sends to an address and port; null: nothing.</summary>
    internal RoutedPort? Find(WorkloadInfo? source, in SocketEndPoint destination) => _byAddress.TryGetValue(destination, out Routes? routes) ? routes.For(source?.Name.Namespace) : null;

    /// <summary>The backends that a route, or a question to an external authorizer, leads to; null where there is no such Service, or it has no such port.</summary>
    internal BackendPool? FindBackends(NamespacedName service, ushort port, bool isIPv4) => _backends.GetValueOrDefault((service, port, isIPv4));

    private PortRequests RequestsOf(NamespacedName service, ushort port, RequestSettings settings, RoutedServices? previous, Action<BackendRequests, TimeSpan>? ejected, Action<PortRequests>? used)
    {
        if (previous?._requests.TryGetValue((service, port), out var known) != true) known = (new PortRequests(service, port, settings, TimeProvider.System, ejected, used), settings);
        _requests.Add((service, port), known with { Settings = settings });
        return known.Port;
    }

    /// <summary>The view is in force: what it says of requests holds from now on, also for counts that were there before.</summary>
    internal void Adopt()
    {
        foreach ((PortRequests port, RequestSettings settings) in _requests.Values) port.Settings = settings;
        foreach (BackendPool pool in _backends.Values) pool.Adopt();
        foreach (((NamespacedName name, ushort number), (PortRequests port, _)) in _requests)
            port.Backends = [.. _backends[(name, number, true)].Requests.Values, .. _backends[(name, number, false)].Requests.Values];
    }

    /// <summary>The ports whose backends are asked whether they are well, and how many of each are not.</summary>
    internal IEnumerable<(PortRequests Port, int Unhealthy)> Unhealthy => _requests.Values.Where(r => r.Settings.HealthCheck is not null).Select(r => (r.Port, r.Port.Backends.Count(b => b.IsUnhealthy)));

    // The routes of one port: those of a client's own namespace count before those of the Service's owner.
    private sealed class Routes
    {
        private readonly RoutedPort? _forAll;
        private readonly FrozenDictionary<string, RoutedPort> _byNamespace;

        internal Routes(RoutedServicePort routed, Routes? before)
        {
            _forAll = RoutedPort.Of(routed, clientNamespace: null, before?._forAll);
            _byNamespace = routed.ConsumerNamespaces.ToFrozenDictionary(n => n, n => RoutedPort.Of(routed, n, before?._byNamespace.GetValueOrDefault(n))!, StringComparer.Ordinal);
        }

        internal RoutedPort? For(string? clientNamespace) => clientNamespace is not null && _byNamespace.TryGetValue(clientNamespace, out RoutedPort? consumers) ? consumers : _forAll;
    }
}
