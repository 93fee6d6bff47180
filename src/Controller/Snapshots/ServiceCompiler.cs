using System.Collections.Immutable;
using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>Finds the backends of services: by EndpointSlice and by selector; where both name an address and port, the slice counts. Pure.</summary>
internal static class ServiceCompiler
{
    public static ImmutableArray<ServiceInfo> Compile(World world)
    {
        var selectors = new SelectorIndex<ServiceObject>(world.Services.Where(s => !s.Selector.IsEmpty), s => s.Meta.Namespace, s => s.Selector);
        ILookup<NamespacedName, WorkloadObject> selected = world.Workloads
            .SelectMany(w => selectors.Find(w.Meta.Namespace, w.Meta.Labels), (w, s) => (Service: s.Meta.FullName, Workload: w))
            .ToLookup(p => p.Service, p => p.Workload);
        ILookup<NamespacedName, EndpointSliceObject> slices = world.EndpointSlices.ToLookup(s => new NamespacedName(s.Meta.Namespace, s.Service));
        var byAddress = new Dictionary<IPAddress, WorkloadObject>();
        foreach (WorkloadObject workload in world.Workloads)
        {
            foreach (IPAddress address in workload.Addresses) byAddress.TryAdd(address, workload);
        }
        ImmutableArray<ServiceInfo> services = [.. world.Services.Select(service =>
        {
            EndpointSliceObject[] own = [.. slices[service.Meta.FullName]];
            return new ServiceInfo
            {
                Name = service.Meta.FullName,
                Vips = service.ClusterIps,
                Ports = service.Ports.Select(p => CompilePort(p, ModeOf(service.Meta, p), own, selected[service.Meta.FullName], byAddress)).ToEquatableArray(),
            };
        })];
        return UdpRouteCompiler.Apply(world.UdpRoutes, services);
    }

    private static LoadBalancing ModeOf(ObjectMeta meta, ServicePortObject port) =>
        meta.LoadBalancing.Where(m => m.Port.Covers(port.Port, port.Protocol)).OrderByDescending(m => m.Port.Port).Select(m => m.Mode).FirstOrDefault();

    private static ServicePort CompilePort(
        ServicePortObject port, LoadBalancing mode, EndpointSliceObject[] slices, IEnumerable<WorkloadObject> workloads, Dictionary<IPAddress, WorkloadObject> byAddress)
    {
        IEnumerable<ServiceBackend> fromSlices =
            from slice in slices
            from target in slice.Ports
            where target.Name == port.Name && target.Protocol == port.Protocol
            from address in slice.Addresses
            select new ServiceBackend(byAddress.GetValueOrDefault(address)?.Meta.FullName.ToString(), address, target.Port, slice.Meta.Weight);
        IEnumerable<ServiceBackend> fromSelector =
            from workload in workloads
            let target = port.TargetName is null ? port.TargetPort : workload.Ports.GetValueOrDefault(port.TargetName)
            where target != 0
            from address in workload.Addresses
            select new ServiceBackend(workload.Meta.FullName.ToString(), address, target, workload.Meta.Weight);
        return new()
        {
            Name = port.Name,
            Port = port.Port,
            TargetPort = port.TargetPort,
            Protocol = port.Protocol,
            AppProtocol = port.AppProtocol,
            LoadBalancing = mode,
            Backends = fromSlices.Concat(fromSelector).DistinctBy(b => (b.Address, b.Port))
                .OrderBy(b => IpPrefix.Host(b.Address)).ThenBy(b => b.Port).ToEquatableArray(),
        };
    }
}
