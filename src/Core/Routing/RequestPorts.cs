namespace Culvert.Core;

/// <summary>The ports of this node's workloads that speak HTTP and of whose requests policy asks, or the tokens that they have, or that are told who sends them: connections to them are read by the proxy, and are nobody else's to deliver. Immutable; may be used by many threads.</summary>
public sealed class RequestPorts
{
    private readonly Dictionary<string, ushort[]> _ports = new(StringComparer.Ordinal);

    /// <summary>Finds them.</summary>
    /// <param name="snapshot">The snapshot; of workloads of other nodes it has neither policies nor protocols.</param>
    public RequestPorts(NodeSnapshot snapshot)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        foreach (WorkloadInfo workload in snapshot.Workloads.Values)
        {
            bool isEveryPort = snapshot.Mesh.ForwardClientCert == ForwardClientCert.SanitizeSet || !workload.RequestAuthenticationNames.IsEmpty;
            if ((workload.PolicyNames.IsEmpty && !isEveryPort) || workload.ApplicationPorts.IsEmpty) continue;
            ushort[] ports = [.. workload.ApplicationPorts.Where(p => HttpKinds.Of(p.Protocol) != HttpKind.None && (isEveryPort || PoliciesOf(snapshot, workload, p.Port, TransportProtocol.Tcp).Any())).Select(p => p.Port)];
            if (ports.Length > 0) _ports.Add(workload.Uid, ports);
        }
    }

    /// <summary>Those of a workload.</summary>
    public IReadOnlyList<ushort> Of(WorkloadInfo workload)
    {
        ArgumentNullException.ThrowIfNull(workload);
        return _ports.GetValueOrDefault(workload.Uid) ?? [];
    }

    /// <summary>Whether a port of a workload is one of them.</summary>
    public bool Contains(WorkloadInfo workload, ushort port, TransportProtocol protocol) => protocol == TransportProtocol.Tcp && Of(workload).Contains(port);

    /// <summary>The policies that ask about requests at a port of a workload, whether anybody reads them or not.</summary>
    public static IEnumerable<NamespacedName> PoliciesOf(NodeSnapshot snapshot, WorkloadInfo workload, ushort port, TransportProtocol protocol)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(workload);
        return workload.PolicyNames.Where(n => snapshot.Policies.TryGetValue(n, out PolicyInfo? policy) && policy.Rules.Any(r => AsksAt(policy, r, port, protocol)));
    }

    // A limit counts requests, whatever it asks of them.
    private static bool AsksAt(PolicyInfo policy, PolicyRule rule, ushort port, TransportProtocol protocol) => policy.Action == PolicyAction.Limit
        ? protocol == TransportProtocol.Tcp && (rule.To.IsEmpty || rule.To.Any(t => PolicyEvaluator.MatchesPort(t, port, protocol)))
        : rule.To.Any(t => (t.Request is not null || rule.AsksAboutTokens || policy.Action == PolicyAction.Custom) && PolicyEvaluator.MatchesPort(t, port, protocol));
}
