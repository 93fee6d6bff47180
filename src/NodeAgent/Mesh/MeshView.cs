using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Mesh;

/// <summary>
/// One snapshot as the proxy's loops look at it: by address, without locks or allocations. Immutable; replaced whole.
/// </summary>
internal sealed class MeshView
{
    // Others are made for each connection.
    private const int MostRequestRules = 4096;

    // Why no backend may have a request.
    private const string AllHaveFailed = "all backends are left out because requests to them have failed", AllAreUnhealthy = "all backends are left out because requests to them, or health checks, have failed";

    private readonly ushort _tunnelPort;
    private readonly FrozenDictionary<(SocketEndPoint Address, TransportProtocol Protocol), BackendPool> _services;
    private readonly FrozenDictionary<(SocketEndPoint Address, TransportProtocol Protocol), string> _applicationProtocols;
    private readonly FrozenDictionary<(string Namespace, SocketEndPoint Target), ResponseCaching> _responseCaching;
    private readonly Dictionary<(SocketEndPoint Address, TransportProtocol Protocol), BackendLoad> _loads = [];
    private readonly ConcurrentDictionary<(string Uid, ushort Port, SpiffeId? Peer, IPAddress Source), RequestRules?> _requestRules = new();

    /// <summary>Makes a view of a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="tunnelPort">Port of tunnels on every node.</param>
    /// <param name="previous">The view it replaces: connections, sessions and turns are counted on where they were.</param>
    /// <param name="isNodeAddress">Whether an address is one of this node itself, now. Thread-safe.</param>
    /// <param name="isInside">Whether a workload of this node, by its uid, is captured inside its network namespace, now. Thread-safe.</param>
    /// <param name="ejected">Told of each backend of a Service port to which no requests are sent for a while, because they have failed. Thread-safe.</param>
    /// <param name="used">Told of each Service port whose backends are to be asked whether they are well, when workloads of this node begin to use it. Thread-safe.</param>
    internal MeshView(
        NodeSnapshot snapshot, ushort tunnelPort, MeshView? previous = null, Func<IPAddress, bool>? isNodeAddress = null, Func<string, bool>? isInside = null, Action<BackendRequests, TimeSpan>? ejected = null,
        Action<PortRequests>? used = null)
    {
        Snapshot = snapshot;
        Limiters = new RateLimiters(snapshot, previous?.Limiters);
        Oracle = new PathOracle(new SnapshotIndex(snapshot), tunnelPort, isNodeAddress, isInside);
        _tunnelPort = tunnelPort;
        Dictionary<(SocketEndPoint Address, TransportProtocol Protocol), BackendPool> services = [];
        Dictionary<(SocketEndPoint Address, TransportProtocol Protocol), string> applicationProtocols = [];
        Dictionary<(string Namespace, SocketEndPoint Target), ResponseCaching> responseCaching = [];
        foreach (ServiceInfo service in snapshot.Services.Values.OrderBy(s => s.Name))
        {
            foreach (ServicePort port in service.Ports)
            {
                if (port.AppProtocol is { } applicationProtocol)
                {
                    foreach (ServiceBackend backend in port.Backends)
                        applicationProtocols.TryAdd((new SocketEndPoint(backend.Address, backend.Port), port.Protocol), applicationProtocol);
                }

                if (port.Requests?.Caching is { } caching)
                {
                    foreach (ServiceBackend backend in port.Backends) responseCaching.TryAdd((service.Name.Namespace, new SocketEndPoint(backend.Address, backend.Port)), caching);
                }

                foreach (var family in service.Vips.GroupBy(v => v.AddressFamily))
                {
                    (SocketEndPoint Address, TransportProtocol Protocol)[] keys = [.. family.Select(vip => (new SocketEndPoint(vip, port.Port), port.Protocol))];
                    BackendPool pool = PoolOf(service, port, family.Key, previous, previous?._services.GetValueOrDefault(keys[0]));
                    foreach (var key in keys) services.TryAdd(key, pool);
                }
            }
        }
        Routes = new RoutedServices(this, previous, ejected, used);
        _services = services.ToFrozenDictionary();
        _applicationProtocols = applicationProtocols.ToFrozenDictionary();
        _responseCaching = responseCaching.ToFrozenDictionary();
    }

    internal NodeSnapshot Snapshot { get; }

    /// <summary>The counts of limits, which go on over snapshots.</summary>
    internal RateLimiters Limiters { get; }

    /// <summary>Requests that are routed.</summary>
    internal RoutedServices Routes { get; }

    /// <summary>What policy has left to be decided about the requests of a connection. It is remembered: after a change all connections ask at once, many for the same client and port.</summary>
    internal RequestRules? RequestRulesOf(in ConnectionRequest connection)
    {
        (string, ushort, SpiffeId?, IPAddress) key = (connection.Destination.Uid, connection.Port, connection.ProvenIdentity, connection.SourceAddress);
        if (_requestRules.TryGetValue(key, out RequestRules? rules)) return rules;
        rules = RequestRules.Of(Snapshot, connection, Limiters);
        if (_requestRules.Count < MostRequestRules) _requestRules.TryAdd(key, rules);
        return rules;
    }

    /// <summary>Which path connections take.</summary>
    internal PathOracle Oracle { get; }

    internal SnapshotIndex Index => Oracle.World;

    internal WorkloadInfo? FindWorkload(in SocketEndPoint address) => Index.FindWorkload(AddressOf(address));

    internal WorkloadInfo? FindLocalWorkload(in SocketEndPoint address) =>
        FindWorkload(address) is { Enrolled: true } workload && workload.Node == Snapshot.Node ? workload : null;

    internal OutboundRoute Resolve(WorkloadInfo? source, in SocketEndPoint client, in SocketEndPoint destination, TransportProtocol protocol, SocketEndPoint? drawn = null)
    {
        Addressee asked = Oracle.Find(AddressOf(destination), destination.Port, protocol);
        if (asked.Kind == AddresseeKind.Excluded) return OutboundRoute.Passthrough(destination, FindWorkload(destination));
        if (protocol == TransportProtocol.Tcp && Routes.Find(source, destination) is { } routed) return OutboundRoute.Routed(destination, routed.Service, routed.ApplicationProtocol);
        BackendPool? pool = asked.Kind == AddresseeKind.ServicePort ? _services[(destination, protocol)] : null;
        if (drawn is { } known && pool is not null) return RouteToDrawn(source, known, protocol, pool);
        Backend? chosen = pool is null ? null
            : protocol == TransportProtocol.Tcp && Oracle.RoutedPorts.Contains(pool.Port) ? pool.ChooseForRequest(this, source, client.WithPort(0), default, out _) // others' requests are routed, and the kernel leaves all to the proxy
            : pool.Choose(this, source, client.WithPort(0));
        if (PathOracle.Refusal(asked, hasBackend: chosen is not null) is { } refusal) return RouteTo(refusal, destination, pool?.Service);
        return pool is not null && chosen is not null
            ? RouteTo(PathTo(source, chosen.Address, protocol, pool.Port), chosen.Address, pool.Service) with { Load = chosen.Load, ApplicationProtocol = ProtocolFor(pool.Port, chosen.Address, protocol) }
            : RouteTo(PathTo(source, destination, protocol, service: null), destination, null) with { ApplicationProtocol = FindApplicationProtocol(destination, protocol) };
    }

    // The node's rules have been asked of this backend and of no other. It may have left the Service meanwhile, as one that is ending does.
    private OutboundRoute RouteToDrawn(WorkloadInfo? source, in SocketEndPoint drawn, TransportProtocol protocol, BackendPool pool)
    {
        Backend? backend = pool.Find(drawn);
        bool isGone = backend is null && (protocol == TransportProtocol.Udp || FindWorkload(drawn) is not { Enrolled: true }); // a session of datagrams is drawn another
        if (isGone) return OutboundRoute.Deny(ProxyFailure.NoBackend, "the backend that was drawn is gone", pool.Service);
        return RouteTo(PathTo(source, drawn, protocol, pool.Port), drawn, pool.Service) with { Load = backend?.Load, ApplicationProtocol = ProtocolFor(pool.Port, drawn, protocol) };
    }

    internal HttpRouteTable? FindRoutes(WorkloadInfo? source, in SocketEndPoint destination) => Routes.Find(source, destination)?.Table;

    internal OutboundRoute ResolveBackend(WorkloadInfo? source, in SocketEndPoint client, NamespacedName service, ushort port, in RequestTraits traits)
    {
        if (Routes.FindBackends(service, port, client.IsIPv4) is not { } pool) return Deny(PathReason.NoServicePort, Snapshot.Services.GetValueOrDefault(service));
        if (source is not null) pool.Counted?.OnUsed(source, client);
        Backend? backend = pool.ChooseForRequest(this, source, client.WithPort(0), traits, out string? cookie);
        if (backend is null && FallbackOf(pool, client.IsIPv4) is { } fallback)
        {
            pool = fallback;
            if (source is not null) pool.Counted?.OnUsed(source, client);
            backend = pool.ChooseForRequest(this, source, client.WithPort(0), traits, out cookie);
        }

        if (backend is not { } chosen)
            return pool.IsAllOut ? OutboundRoute.Deny(ProxyFailure.NoBackend, pool.Counted!.Settings.HealthCheck is null ? AllHaveFailed : AllAreUnhealthy, pool.Service) : Deny(PathReason.NoBackend, pool.Service);
        return RouteTo(PathTo(source, chosen.Address, TransportProtocol.Tcp, pool.Port), chosen.Address, pool.Service) with
        {
            Load = chosen.Load,
            Requests = chosen.Requests,
            NewCookie = cookie,
            ApplicationProtocol = ProtocolFor(pool.Port, chosen.Address, TransportProtocol.Tcp),
        };
    }

    /// <summary>Where a request goes that asks a backend whether it is well: to that one, as if it had been chosen, and counted nowhere.</summary>
    internal OutboundRoute ResolveCheck(WorkloadInfo source, BackendRequests asked)
    {
        PortRequests port = asked.Port;
        if (Routes.FindBackends(port.Service, port.Port, asked.Address.IsIPv4) is not { } pool || pool.Find(asked.Address)?.Requests != asked) return Deny(PathReason.NoBackend, Snapshot.Services.GetValueOrDefault(port.Service));
        return RouteTo(PathTo(source, asked.Address, TransportProtocol.Tcp, pool.Port), asked.Address, pool.Service) with { ApplicationProtocol = ProtocolFor(pool.Port, asked.Address, TransportProtocol.Tcp) };
    }

    // Of its own fallback nobody is asked: what leads in a circle would never end.
    private BackendPool? FallbackOf(BackendPool pool, bool isIPv4) => pool.Port.Requests?.Fallback is { } other ? Routes.FindBackends(other.Service, other.Port, isIPv4) : null;

    /// <summary>What is spoken at a workload's port: at one of this node, where it is decided what may be asked there, what Services say that select it; elsewhere, what any Service says that leads there.</summary>
    internal string? FindApplicationProtocol(in SocketEndPoint target, TransportProtocol protocol) =>
        FindLocalWorkload(target) is { } workload ? workload.FindApplicationProtocol(target.Port, protocol) : _applicationProtocols.GetValueOrDefault((target, protocol));

    /// <summary>Which responses of a port of a workload of this node are kept. A Service of another namespace has no say: it may name whatever it likes as a backend.</summary>
    internal ResponseCaching? FindResponseCaching(in SocketEndPoint target) =>
        _responseCaching.Count > 0 && FindLocalWorkload(target) is { } workload ? _responseCaching.GetValueOrDefault((workload.Namespace, target)) : null;

    // A client reads what it asked for as the Service says, unless it is decided here what may be asked.
    private string? ProtocolFor(ServicePort asked, in SocketEndPoint target, TransportProtocol protocol) =>
        FindLocalWorkload(target) is { } workload ? workload.FindApplicationProtocol(target.Port, protocol) : asked.AppProtocol;

    internal ServiceInfo? FindService(in SocketEndPoint address, TransportProtocol protocol) => _services.GetValueOrDefault((address, protocol))?.Service;

    internal ServiceInfo? FindService(in SocketEndPoint address, in SocketEndPoint target, TransportProtocol protocol) =>
        _services.TryGetValue((address, protocol), out BackendPool? pool) && pool.Find(target) is not null ? pool.Service : null;

    /// <summary>Whether a session of a workload, or from outside the mesh, to the destination could still be given this route.</summary>
    internal bool IsCurrent(WorkloadInfo? source, in OutboundRoute route, in SocketEndPoint destination, TransportProtocol protocol)
    {
        Addressee asked = Oracle.Find(AddressOf(destination), destination.Port, protocol);
        if (asked.Kind == AddresseeKind.Excluded) return route.Kind == OutboundRouteKind.Passthrough && route.Target == destination;
        if (asked.Kind == AddresseeKind.ServicePort ? _services[(destination, protocol)].Find(route.Target) is null : route.Target != destination) return false;
        OutboundRoute now = RouteTo(PathTo(source, route.Target, protocol, asked.Port), route.Target, null);
        return now.Kind == route.Kind && now.Dial == route.Dial && Equals(now.Destination?.Identity, route.Destination?.Identity)
            && Equals(now.Destination?.ProxyProtocolPorts, route.Destination?.ProxyProtocolPorts)
            && Equals(now.Destination?.BareProxyProtocolPorts, route.Destination?.BareProxyProtocolPorts)
            && Equals(now.Destination?.TrustedProxies, route.Destination?.TrustedProxies);
    }

    /// <summary>The path to an address that is no Service's, or to a backend of the Service port that was addressed.</summary>
    internal ConnectionPath PathTo(WorkloadInfo? source, in SocketEndPoint target, TransportProtocol protocol, ServicePort? service) =>
        Oracle.To(new PathRequest(source, AddressOf(target), target.Port, protocol) { Service = service });

    /// <summary>The backends of a Service port for clients of one family.</summary>
    internal BackendPool PoolOf(ServiceInfo service, ServicePort port, AddressFamily family, MeshView? previous, BackendPool? before, PortRequests? requests = null)
    {
        Backend[] backends = [.. port.Backends.Where(b => b.Weight > 0 && b.Address.AddressFamily == family).Select(b => ToBackend(port, b, previous))];
        if (requests is not null)
        {
            Dictionary<SocketEndPoint, BackendRequests> known = before?.Requests ?? [];
            backends = Array.ConvertAll(backends, b => b with { Requests = known.GetValueOrDefault(b.Address) ?? before?.Returned(b.Address, requests) ?? new BackendRequests(requests, b.Address, isLate: known.Count > 0) });
        }

        return new BackendPool(service, port, backends, Random.Shared, before);
    }

    private Backend ToBackend(ServicePort port, ServiceBackend backend, MeshView? previous)
    {
        SocketEndPoint address = new(backend.Address, backend.Port);
        bool isUnmeshed = Oracle.IsUnmeshed(AddressOf(address), address.Port);
        if (port.LoadBalancing != LoadBalancing.LeastConnections) return new Backend(address, backend.Weight, Load: null, isUnmeshed) { IsNear = backend.IsNear };
        if (!_loads.TryGetValue((address, port.Protocol), out BackendLoad? load))
            _loads.Add((address, port.Protocol), load = previous?._loads.GetValueOrDefault((address, port.Protocol)) ?? new BackendLoad());
        return new Backend(address, backend.Weight, load, isUnmeshed) { IsNear = backend.IsNear };
    }

    // The proxy gets what the kernel could deliver as well: datagrams in fragments, those to the sender itself too, and what comes from outside with a header.
    private OutboundRoute RouteTo(in ConnectionPath path, in SocketEndPoint target, ServiceInfo? service) => path switch
    {
        { Kind: PathKind.Tunnel } => OutboundRoute.Tunnel(target.WithPort(_tunnelPort), target, path.Destination!, service),
        { Kind: PathKind.Direct or PathKind.Proxy } or { Kind: PathKind.Pass, Reason: PathReason.Itself } => OutboundRoute.Local(target, path.Destination!, service),
        { Kind: PathKind.Pass } => OutboundRoute.Passthrough(target, path.Destination, service),
        _ => Deny(path.Reason, service),
    };

    private static OutboundRoute Deny(PathReason reason, ServiceInfo? service) => reason switch
    {
        PathReason.NoServicePort => OutboundRoute.Deny(ProxyFailure.NoServicePort, "the Service has no such port", service),
        PathReason.NoBackend => OutboundRoute.Deny(ProxyFailure.NoBackend, "the Service port has no backend", service),
        PathReason.TunnelPort => OutboundRoute.Deny(ProxyFailure.TunnelPort, "tunnels are made by proxies only", service),
        _ => throw new InvalidOperationException($"what the proxy refuses for {reason} is not said"),
    };

    internal static IpPrefix AddressOf(in SocketEndPoint point) => IpPrefix.Host(point.High, point.Low);
}
