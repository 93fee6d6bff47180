using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Adds what Services ask for about the PROXY protocol to the workloads behind them, in the workloads' own ports. Pure.</summary>
internal static class ProxyProtocolCompiler
{
    /// <summary>What a Service asks for: of workloads of its own namespace, though EndpointSlices may name addresses of any.</summary>
    /// <param name="meta">The Service as declared.</param>
    /// <param name="service">The same compiled.</param>
    public static EquatableArray<ProxyProtocolWish> WishesOf(ObjectMeta meta, ServiceInfo service)
    {
        if (meta.ProxyProtocol.IsEmpty && meta.TrustedProxies.IsEmpty) return [];
        var wishes = new List<ProxyProtocolWish>();
        string own = meta.Namespace + "/";

        // Many ports have the same, and each workload behind them.
        Dictionary<string, EquatableArray<IpPrefix>> trusted = new(StringComparer.Ordinal);
        foreach (ServicePort port in service.Ports)
        {
            bool wanted = meta.ProxyProtocol.Ports.Any(p => p.Covers(port.Port, port.Protocol));
            (string key, int[] covering) = Covering(meta.TrustedProxies, port.Port, port.Protocol);
            if (!trusted.TryGetValue(key, out EquatableArray<IpPrefix> from)) trusted[key] = from = covering.SelectMany(i => meta.TrustedProxies[i].From).Distinct().ToEquatableArray();
            if (!wanted && from.IsEmpty) continue;
            wishes.AddRange(port.Backends.Where(b => b.WorkloadUid?.StartsWith(own, StringComparison.Ordinal) == true)
                .Select(b => new ProxyProtocolWish(b.WorkloadUid!, new TransportPort(b.Port, port.Protocol), wanted, meta.ProxyProtocol.IsBare, from)));
        }
        return wishes.ToEquatableArray();
    }

    /// <summary>Which entries hold for a port, by their places; ports of one key trust the same.</summary>
    public static (string Key, int[] Entries) Covering(EquatableArray<TrustedProxies> trusted, ushort port, TransportProtocol protocol)
    {
        int[] entries = [.. Enumerable.Range(0, trusted.Count).Where(i => trusted[i].Covers(port, protocol))];
        return (string.Join(',', entries), entries);
    }

    /// <summary>The workload with its own wishes and those of its services, without repetition and in a stable order.</summary>
    /// <param name="declared">The workload as declared.</param>
    /// <param name="workload">The same compiled.</param>
    /// <param name="wishes">What services ask of it, in any order.</param>
    public static WorkloadInfo Apply(WorkloadObject declared, WorkloadInfo workload, IReadOnlyCollection<ProxyProtocolWish> wishes)
    {
        ProxyProtocolRequest own = declared.ProxyProtocol;
        if (own.IsEmpty && declared.TrustedProxies.IsEmpty && wishes.Count == 0) return workload;
        IEnumerable<TransportPort> asked = wishes.Where(w => w.IsWanted).Select(w => w.Port).Where(p => !own.Ports.Any(k => k.Covers(p.Port, p.Protocol)));

        // Where one asks for a header with TLVs and another for one without, the one without does for both.
        IEnumerable<TransportPort> bare = (own.IsBare ? own.Ports : []).Concat(wishes.Where(w => w.IsWanted && w.IsBare).Select(w => w.Port));
        IEnumerable<TrustedProxies> trusted = wishes.Where(w => !w.From.IsEmpty).GroupBy(w => w.From).Select(g => new TrustedProxies(g.Select(w => w.Port).Distinct().Order().ToEquatableArray(), g.Key))
            .OrderBy(t => t.Ports[0]).ThenBy(t => string.Join(',', t.From), StringComparer.Ordinal);
        return workload with
        {
            ProxyProtocolPorts = own.Ports.Concat(asked).Distinct().Order().ToEquatableArray(),
            BareProxyProtocolPorts = bare.Distinct().Order().ToEquatableArray(),
            TrustedProxies = declared.TrustedProxies.Concat(trusted).Distinct().ToEquatableArray(),
        };
    }
}
