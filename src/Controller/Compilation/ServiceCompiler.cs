using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Finds the backends of a service: by EndpointSlice and by selector; where both name an address and port, the slice counts. Pure.</summary>
internal static class ServiceCompiler
{
    /// <summary>Compiles a service by itself, without routes.</summary>
    /// <param name="service">The service.</param>
    /// <param name="slices">Its slices, by name.</param>
    /// <param name="selected">The workloads that it selects, by name.</param>
    /// <param name="ownerOf">The workload that has an address, or null.</param>
    public static ServiceInfo Compile(ServiceObject service, IReadOnlyCollection<EndpointSliceObject> slices, IReadOnlyCollection<WorkloadObject> selected, Func<IPAddress, WorkloadObject?> ownerOf) => new()
    {
        Name = service.Meta.FullName,
        Vips = service.ClusterIps,
        Ports = service.Ports.Select(p => CompilePort(p, ModeOf(service.Meta, p), slices, selected, ownerOf)).ToEquatableArray(),
    };

    private static LoadBalancing ModeOf(ObjectMeta meta, ServicePortObject port) =>
        meta.LoadBalancing.Where(m => m.Port.Covers(port.Port, port.Protocol)).OrderByDescending(m => m.Port.Port).Select(m => m.Mode).FirstOrDefault();

    private static ServicePort CompilePort(
        ServicePortObject port, LoadBalancing mode, IReadOnlyCollection<EndpointSliceObject> slices, IReadOnlyCollection<WorkloadObject> workloads, Func<IPAddress, WorkloadObject?> ownerOf)
    {
        IEnumerable<ServiceBackend> FromSlices(Func<EndpointSliceObject, IEnumerable<IPAddress>> endpoints) =>
            from slice in slices
            from target in slice.Ports
            where target.Name == port.Name && target.Protocol == port.Protocol
            from address in endpoints(slice)
            select new ServiceBackend(ownerOf(address)?.Meta.FullName.ToString(), address, target.Port, slice.Meta.Weight);
        IEnumerable<ServiceBackend> fromSelector =
            from workload in workloads
            where !workload.IsPod
            let target = port.TargetName is null ? port.TargetPort : workload.Ports.GetValueOrDefault(port.TargetName).Port
            where target != 0
            from address in workload.Addresses
            select new ServiceBackend(workload.Meta.FullName.ToString(), address, target, workload.Meta.Weight);
        ServiceBackend[] backends = [.. FromSlices(s => s.Addresses).Concat(fromSelector)];

        // Connections to those that are ending are better than none, until the next are ready (KEP-1669).
        if (backends.Length == 0) backends = [.. FromSlices(s => s.Draining)];
        return new()
        {
            Name = port.Name,
            Port = port.Port,
            TargetPort = port.TargetPort,
            Protocol = port.Protocol,
            AppProtocol = port.AppProtocol,
            LoadBalancing = mode,
            Backends = backends.DistinctBy(b => (b.Address, b.Port))
                .OrderBy(b => IpPrefix.Host(b.Address)).ThenBy(b => b.Port).ToEquatableArray(),
        };
    }
}
