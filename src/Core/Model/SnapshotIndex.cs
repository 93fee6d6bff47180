using System.Net;

namespace Culvert.Core;

/// <summary>Look-ups by address over one snapshot. Built once per snapshot; immutable afterwards and safe for any number of threads.</summary>
public sealed class SnapshotIndex
{
    private readonly Dictionary<IpPrefix, WorkloadInfo> _workloads = [];
    private readonly Dictionary<(IpPrefix, ushort, TransportProtocol), (ServiceInfo, ServicePort)> _services = [];
    private readonly Dictionary<IpPrefix, ServiceInfo> _vips = [];

    /// <summary>Builds the index.</summary>
    public SnapshotIndex(NodeSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        Snapshot = snapshot;
        foreach (WorkloadInfo workload in snapshot.Workloads.Values.OrderBy(w => w.Uid, StringComparer.Ordinal))
        {
            foreach (IPAddress address in workload.Addresses) _workloads.TryAdd(IpPrefix.Host(address), workload);
        }
        foreach (ServiceInfo service in snapshot.Services.Values.OrderBy(s => s.Name))
        {
            foreach (IpPrefix vip in service.Vips.Select(IpPrefix.Host))
            {
                _vips.TryAdd(vip, service);
                foreach (ServicePort port in service.Ports) _services.TryAdd((vip, port.Port, port.Protocol), (service, port));
            }
        }
    }

    /// <summary>The snapshot this index is over.</summary>
    public NodeSnapshot Snapshot { get; }

    /// <summary>The workload that has this address, or null. Where several share it, the first by uid.</summary>
    public WorkloadInfo? FindWorkload(IPAddress address) => FindWorkload(IpPrefix.Host(address));

    /// <summary>As <see cref="FindWorkload(IPAddress)"/>, by a whole address.</summary>
    public WorkloadInfo? FindWorkload(in IpPrefix address) => _workloads.GetValueOrDefault(address);

    /// <summary>The service that has this virtual address, whatever its ports, or null. Where several share it, the first by name.</summary>
    public ServiceInfo? FindService(IPAddress vip) => FindService(IpPrefix.Host(vip));

    /// <summary>As <see cref="FindService(IPAddress)"/>, by a whole address.</summary>
    public ServiceInfo? FindService(in IpPrefix vip) => _vips.GetValueOrDefault(vip);

    /// <summary>The service port at a virtual address, or null.</summary>
    public (ServiceInfo Service, ServicePort Port)? FindService(IPAddress vip, ushort port, TransportProtocol protocol) => FindService(IpPrefix.Host(vip), port, protocol);

    /// <summary>As <see cref="FindService(IPAddress, ushort, TransportProtocol)"/>, by a whole address.</summary>
    public (ServiceInfo Service, ServicePort Port)? FindService(in IpPrefix vip, ushort port, TransportProtocol protocol) =>
        _services.TryGetValue((vip, port, protocol), out (ServiceInfo, ServicePort) found) ? found : null;
}
