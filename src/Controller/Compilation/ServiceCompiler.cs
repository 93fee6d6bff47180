using System.Net;
using System.Net.Sockets;
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
    public static ServiceInfo Compile(ServiceObject service, IReadOnlyCollection<EndpointSliceObject> slices, IReadOnlyCollection<WorkloadObject> selected, Func<IPAddress, WorkloadObject?> ownerOf)
    {
        ILookup<(string, TransportProtocol), Target> targets = slices.SelectMany(s => s.Ports, (slice, port) => new Target(slice, port)).ToLookup(t => (t.Port.Name, t.Port.Protocol));
        return WithoutPorts(service) with { Ports = service.Ports.Select(p => CompilePort(service, p, targets[(p.Name, p.Protocol)], selected, ownerOf)).ToEquatableArray() };
    }

    /// <summary>A service whose addresses are the mesh's, and lead nowhere.</summary>
    public static ServiceInfo WithoutPorts(ServiceObject service) => new() { Name = service.Meta.FullName, Vips = service.ClusterIps, IsNodeLocal = service.IsNodeLocal };

    // What is said of load balancing counts before what is said of sessions.
    private static LoadBalancing ModeOf(ServiceObject service, ServicePortObject port) =>
        service.Meta.LoadBalancing.Where(m => m.Port.Covers(port.Port, port.Protocol)).OrderByDescending(m => m.Port.Port).Select(m => (LoadBalancing?)m.Mode).FirstOrDefault()
        ?? (service.KeepsClients ? LoadBalancing.SourceHash : LoadBalancing.Random);

    private static ServicePort CompilePort(
        ServiceObject service, ServicePortObject port, IEnumerable<Target> targets, IReadOnlyCollection<WorkloadObject> workloads, Func<IPAddress, WorkloadObject?> ownerOf)
    {
        IEnumerable<ServiceBackend> FromSlices(Func<EndpointSliceObject, IEnumerable<EndpointSliceObject.Endpoint>> endpoints) =>
            from target in targets
            from endpoint in endpoints(target.Slice)
            let owner = ownerOf(endpoint.Address)
            select new ServiceBackend(owner?.Meta.FullName.ToString(), endpoint.Address, target.Port.Port, target.Slice.Meta.Weight) { Node = owner?.Node ?? endpoint.Node, Zones = endpoint.Zones };
        IEnumerable<ServiceBackend> fromSelector =
            from workload in workloads
            where !workload.IsPod
            let target = port.TargetName is null ? port.TargetPort : workload.Ports.GetValueOrDefault(port.TargetName).Port
            where target != 0
            from address in workload.Addresses
            select new ServiceBackend(workload.Meta.FullName.ToString(), address, target, workload.Meta.Weight) { Node = workload.Node };
        ServiceBackend[] backends = [.. FromSlices(s => s.Ready).Concat(fromSelector)];

        // Connections to those that are ending are better than none, until the next are ready (KEP-1669): each family by itself, and each node, where
        // backends of other nodes are not sent to.
        HashSet<(string? Node, AddressFamily Family)> served = [.. backends.Select(PlaceOf)];
        backends = [.. backends, .. FromSlices(s => s.Draining).Where(b => !served.Contains(PlaceOf(b))).Select(b => b with { IsEnding = true })];

        return new()
        {
            Name = port.Name,
            Port = port.Port,
            TargetPort = port.TargetPort,
            Protocol = port.Protocol,
            AppProtocol = PortProtocol.Of(port),
            LoadBalancing = ModeOf(service, port),
            Requests = port.Protocol == TransportProtocol.Tcp && HttpKinds.MayBe(PortProtocol.Of(port)) ? service.Requests : null,
            Backends = backends.DistinctBy(b => (b.Address, b.Port))
                .OrderBy(b => IpPrefix.Host(b.Address)).ThenBy(b => b.Port).ToEquatableArray(),
        };

        (string? Node, AddressFamily Family) PlaceOf(ServiceBackend backend) => (service.IsNodeLocal ? backend.Node : null, backend.Address.AddressFamily);
    }

    /// <summary>A port that the endpoints of a slice have.</summary>
    private sealed record Target(EndpointSliceObject Slice, EndpointSliceObject.EndpointPort Port);
}
