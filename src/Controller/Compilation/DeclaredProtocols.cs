using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>
/// What the ports of workloads speak, as Services of their own namespace say: those that select them, whether they are ready or not, since policy must not depend on that; and of those without a selector, those whose EndpointSlices name their
/// addresses. What other namespaces say counts for their own clients only. Pure.
/// </summary>
internal static class DeclaredProtocols
{
    /// <summary>Those of a workload. Where Services say different things of a port, the first by name counts.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="services">The Services that lead to it, each with the slice by which it does, or null.</param>
    public static EquatableArray<ApplicationPort> Of(WorkloadObject workload, IEnumerable<(ServiceObject Service, EndpointSliceObject? Slice)> services)
    {
        SortedDictionary<ushort, string> found = [];
        foreach ((ServiceObject service, EndpointSliceObject? slice) in services.OrderBy(s => s.Service.Meta.FullName))
        {
            foreach (ServicePortObject port in service.Ports.Where(p => p.Protocol == TransportProtocol.Tcp))
            {
                ushort target = slice is not null ? slice.Ports.FirstOrDefault(p => p.Name == port.Name && p.Protocol == port.Protocol)?.Port ?? 0
                    : port.TargetName is { } name ? workload.Ports.GetValueOrDefault(name).Port
                    : port.TargetPort;
                if (target != 0 && PortProtocol.Of(port) is { } protocol) found.TryAdd(target, protocol);
            }
        }

        return found.Select(p => new ApplicationPort(p.Key, p.Value)).ToEquatableArray();
    }

    /// <summary>Whether two versions of a Service say the same of the same workloads.</summary>
    public static bool AreSame(ServiceObject before, ServiceObject after) => before.Selector.SequenceEqual(after.Selector) && Said(before).SequenceEqual(Said(after));

    /// <summary>Whether a Service says anything.</summary>
    public static bool Any(ServiceObject service) => Said(service).Any();

    private static IEnumerable<(string Name, ushort TargetPort, string? TargetName, string Protocol)> Said(ServiceObject service) =>
        from port in service.Ports
        where port.Protocol == TransportProtocol.Tcp
        let protocol = PortProtocol.Of(port)
        where protocol is not null
        select (port.Name, port.TargetPort, port.TargetName, protocol);
}
