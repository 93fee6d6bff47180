using System.Collections.Frozen;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Mesh;

/// <summary>
/// One snapshot as the proxy's loops look at it: by address, without locks or allocations. Immutable; replaced whole.
/// </summary>
internal sealed class MeshView
{
    private readonly string _node;
    private readonly ushort _tunnelPort;
    private readonly FrozenDictionary<SocketEndPoint, WorkloadInfo> _workloads;
    private readonly FrozenDictionary<(SocketEndPoint Address, TransportProtocol Protocol), BackendPool> _services;
    private readonly FrozenSet<SocketEndPoint> _vips;
    private readonly Dictionary<SocketEndPoint, BackendLoad> _loads = [];

    /// <summary>Makes a view of a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="tunnelPort">Port of tunnels on every node.</param>
    /// <param name="previous">The view it replaces: sessions are counted on where they were.</param>
    internal MeshView(NodeSnapshot snapshot, ushort tunnelPort, MeshView? previous = null)
    {
        Snapshot = snapshot;
        Index = new SnapshotIndex(snapshot);
        _node = snapshot.Node;
        _tunnelPort = tunnelPort;
        Dictionary<SocketEndPoint, WorkloadInfo> workloads = [];
        foreach (WorkloadInfo workload in snapshot.Workloads.Values.OrderBy(w => w.Uid, StringComparer.Ordinal))
        {
            foreach (System.Net.IPAddress address in workload.Addresses) workloads.TryAdd(new SocketEndPoint(address, 0), workload);
        }
        _workloads = workloads.ToFrozenDictionary();
        Dictionary<(SocketEndPoint Address, TransportProtocol Protocol), BackendPool> services = [];
        foreach (ServiceInfo service in snapshot.Services.Values.OrderBy(s => s.Name))
        {
            foreach (ServicePort port in service.Ports)
            {
                foreach (var family in service.Vips.GroupBy(v => v.AddressFamily))
                {
                    BackendPool pool = new(
                        service, port, [.. port.Backends.Where(b => b.Weight > 0 && b.Address.AddressFamily == family.Key).Select(b => ToBackend(snapshot, port, b, previous))]);
                    foreach (System.Net.IPAddress vip in family) services.TryAdd((new SocketEndPoint(vip, port.Port), port.Protocol), pool);
                }
            }
        }
        _services = services.ToFrozenDictionary();
        _vips = services.Keys.Select(k => k.Address.WithPort(0)).ToFrozenSet();
    }

    internal NodeSnapshot Snapshot { get; }

    internal SnapshotIndex Index { get; }

    internal WorkloadInfo? FindWorkload(in SocketEndPoint address) => _workloads.GetValueOrDefault(address.WithPort(0));

    internal WorkloadInfo? FindLocalWorkload(in SocketEndPoint address) =>
        FindWorkload(address) is { Enrolled: true } workload && workload.Node == _node ? workload : null;

    internal OutboundRoute Resolve(WorkloadInfo? source, in SocketEndPoint client, in SocketEndPoint destination, TransportProtocol protocol)
    {
        if (_services.TryGetValue((destination, protocol), out BackendPool? pool))
        {
            return pool.Choose(this, source, client.WithPort(0)) is { } chosen
                ? RouteTo(chosen.Workload, chosen.Address, pool.Service) with { Load = chosen.Load }
                : OutboundRoute.Deny(ProxyFailure.NoBackend, "the Service port has no backend", pool.Service);
        }
        if (_vips.Contains(destination.WithPort(0))) return OutboundRoute.Deny(ProxyFailure.NoRoute, "the Service has no such port");
        return RouteTo(FindWorkload(destination), destination, null);
    }

    internal ServiceInfo? FindService(in SocketEndPoint address, TransportProtocol protocol) => _services.GetValueOrDefault((address, protocol))?.Service;

    internal ServiceInfo? FindService(in SocketEndPoint address, in SocketEndPoint target, TransportProtocol protocol) =>
        _services.TryGetValue((address, protocol), out BackendPool? pool) && pool.Find(target) is not null ? pool.Service : null;

    /// <summary>Whether a session to the destination could still be given this route.</summary>
    internal bool IsCurrent(in OutboundRoute route, in SocketEndPoint destination, TransportProtocol protocol)
    {
        if (_services.TryGetValue((destination, protocol), out BackendPool? pool) ? pool.Find(route.Target) is null : route.Target != destination) return false;
        OutboundRoute now = RouteTo(FindWorkload(route.Target), route.Target, null);
        return now.Kind == route.Kind && now.Dial == route.Dial && Equals(now.Destination?.Identity, route.Destination?.Identity)
            && Equals(now.Destination?.ProxyProtocolPorts, route.Destination?.ProxyProtocolPorts)
            && Equals(now.Destination?.BareProxyProtocolPorts, route.Destination?.BareProxyProtocolPorts)
            && Equals(now.Destination?.TrustedProxies, route.Destination?.TrustedProxies);
    }

    /// <summary>Whether the kernel delivers to a backend itself.</summary>
    internal bool IsKernels(Backend backend, WorkloadInfo? source) =>
        backend.Workload is { Enrolled: true, UsesProxyProtocol: false } workload && workload.Node == _node && !ReferenceEquals(workload, source);

    private Backend ToBackend(NodeSnapshot snapshot, ServicePort port, ServiceBackend backend, MeshView? previous)
    {
        SocketEndPoint address = new(backend.Address, backend.Port);
        BackendLoad? load = null;
        if (port.Protocol == TransportProtocol.Udp && !_loads.TryGetValue(address, out load))
            _loads.Add(address, load = previous?._loads.GetValueOrDefault(address) ?? new BackendLoad());
        return new Backend(address, backend.WorkloadUid is null ? null : snapshot.Workloads.GetValueOrDefault(backend.WorkloadUid), backend.Weight, load);
    }

    private OutboundRoute RouteTo(WorkloadInfo? workload, in SocketEndPoint target, ServiceInfo? service)
    {
        if (workload is not { Enrolled: true }) return OutboundRoute.Passthrough(target, workload, service);
        return workload.Node == _node
            ? OutboundRoute.Local(target, workload, service)
            : OutboundRoute.Tunnel(target.WithPort(_tunnelPort), target, workload, service);
    }
}
