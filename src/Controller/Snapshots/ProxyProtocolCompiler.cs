using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>Adds what Services ask for about the PROXY protocol to the workloads behind them, in the workloads' own ports. Pure.</summary>
internal sealed class ProxyProtocolCompiler
{
    private readonly Dictionary<string, (HashSet<TransportPort> Wanted, HashSet<TransportPort> Bare, HashSet<TrustedProxies> Trusted)> _byWorkload = new(StringComparer.Ordinal);

    /// <summary>Collects.</summary>
    /// <param name="objects">The Services as declared.</param>
    /// <param name="services">The same compiled, in the same order.</param>
    public ProxyProtocolCompiler(ImmutableArray<ServiceObject> objects, ImmutableArray<ServiceInfo> services)
    {
        foreach ((ServiceObject declared, ServiceInfo service) in objects.Zip(services))
        {
            ObjectMeta meta = declared.Meta;
            if (meta.ProxyProtocol.IsEmpty && meta.TrustedProxies.IsEmpty) continue;
            foreach (ServicePort port in service.Ports)
            {
                bool wanted = meta.ProxyProtocol.Ports.Any(p => p.Covers(port.Port, port.Protocol));
                EquatableArray<IpPrefix> from = meta.TrustedProxies.Where(t => t.Covers(port.Port, port.Protocol)).SelectMany(t => t.From).Distinct().ToEquatableArray();
                foreach (ServiceBackend backend in port.Backends)
                {
                    if (backend.WorkloadUid is null || !(wanted || !from.IsEmpty)) continue;
                    if (!_byWorkload.TryGetValue(backend.WorkloadUid, out var found)) _byWorkload.Add(backend.WorkloadUid, found = ([], [], []));
                    var target = new TransportPort(backend.Port, port.Protocol);
                    if (wanted) (meta.ProxyProtocol.IsBare ? found.Bare : found.Wanted).Add(target);
                    if (!from.IsEmpty) found.Trusted.Add(new([target], from));
                }
            }
        }
    }

    /// <summary>The workload with its own wishes and those of its services, without repetition and in a stable order.</summary>
    public WorkloadInfo Apply(WorkloadObject declared, WorkloadInfo workload)
    {
        bool asked = _byWorkload.TryGetValue(workload.Uid, out var found);
        ProxyProtocolRequest own = declared.ProxyProtocol;
        if (own.IsEmpty && declared.TrustedProxies.IsEmpty && !asked) return workload;
        TransportPort[] ports = [.. own.Ports.Concat(New(found.Wanted, own.Ports)).Concat(New(found.Bare, own.Ports)).Distinct().Order()];

        // Where one asks for a header with TLVs and another for one without, the one without does for both.
        TransportPort[] bare = [.. (own.IsBare ? own.Ports : []).Concat(found.Bare ?? []).Distinct().Order()];
        return workload with
        {
            ProxyProtocolPorts = ports.ToEquatableArray(),
            BareProxyProtocolPorts = bare.ToEquatableArray(),
            TrustedProxies = declared.TrustedProxies
                .Concat((found.Trusted ?? []).OrderBy(t => t.Ports[0]).ThenBy(t => t.ToString(), StringComparer.Ordinal)).Distinct().ToEquatableArray(),
        };
    }

    private static IEnumerable<TransportPort> New(IEnumerable<TransportPort>? ports, EquatableArray<TransportPort> known) =>
        (ports ?? []).Where(p => !known.Any(k => k.Covers(p.Port, p.Protocol)));
}
