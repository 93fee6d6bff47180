using System.Collections.Frozen;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;

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

    internal MeshView(NodeSnapshot snapshot, ushort tunnelPort)
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
                    BackendPool pool = new(service, [.. port.Backends.Where(b => b.Weight > 0 && b.Address.AddressFamily == family.Key).Select(b => ToBackend(snapshot, b))]);
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

    internal OutboundRoute Resolve(WorkloadInfo? source, in SocketEndPoint destination, TransportProtocol protocol)
    {
        if (_services.TryGetValue((destination, protocol), out BackendPool? pool)) return Choose(source, pool);
        if (_vips.Contains(destination.WithPort(0))) return OutboundRoute.Deny(ProxyFailure.NoRoute, "the Service has no such port");
        return RouteTo(FindWorkload(destination), destination, null);
    }

    internal ServiceInfo? FindService(in SocketEndPoint address, in SocketEndPoint target, TransportProtocol protocol) =>
        _services.TryGetValue((address, protocol), out BackendPool? pool) && pool.Has(target) ? pool.Service : null;

    private static Backend ToBackend(NodeSnapshot snapshot, ServiceBackend backend) => new(
        new SocketEndPoint(backend.Address, backend.Port),
        backend.WorkloadUid is null ? null : snapshot.Workloads.GetValueOrDefault(backend.WorkloadUid),
        backend.Weight);

    // The kernel draws among all backends and keeps what it can deliver on this node itself. Drawing here among the others only
    // leaves every backend exactly the share that its weight says.
    private OutboundRoute Choose(WorkloadInfo? source, BackendPool pool)
    {
        Backend? chosen = pool.Draw(this, source, onlyBeyondKernel: true) ?? pool.Draw(this, source, onlyBeyondKernel: false);
        return chosen is null
            ? OutboundRoute.Deny(ProxyFailure.NoEndpoint, "the Service port has no backend", pool.Service)
            : RouteTo(chosen.Workload, chosen.Address, pool.Service);
    }

    private OutboundRoute RouteTo(WorkloadInfo? workload, in SocketEndPoint target, ServiceInfo? service)
    {
        if (workload is not { Enrolled: true }) return OutboundRoute.Passthrough(target, workload, service);
        return workload.Node == _node
            ? OutboundRoute.Local(target, workload, service)
            : OutboundRoute.Tunnel(target.WithPort(_tunnelPort), target, workload, service);
    }

    internal sealed record Backend(SocketEndPoint Address, WorkloadInfo? Workload, ushort Weight);

    internal sealed class BackendPool(ServiceInfo service, Backend[] backends)
    {
        internal ServiceInfo Service { get; } = service;

        internal bool Has(in SocketEndPoint target)
        {
            foreach (Backend backend in backends)
            {
                if (backend.Address == target) return true;
            }
            return false;
        }

        internal Backend? Draw(MeshView view, WorkloadInfo? source, bool onlyBeyondKernel)
        {
            int total = 0;
            foreach (Backend backend in backends)
            {
                if (!onlyBeyondKernel || !view.IsKernels(backend, source)) total += backend.Weight;
            }
            if (total == 0) return null;
            int drawn = Random.Shared.Next(total);
            foreach (Backend backend in backends)
            {
                if (onlyBeyondKernel && view.IsKernels(backend, source)) continue;
                drawn -= backend.Weight;
                if (drawn < 0) return backend;
            }
            return null;
        }
    }

    private bool IsKernels(Backend backend, WorkloadInfo? source) =>
        backend.Workload is { Enrolled: true } workload && workload.Node == _node && !workload.UsesProxyProtocol && !ReferenceEquals(workload, source);
}
