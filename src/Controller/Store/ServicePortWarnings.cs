using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>
/// Keeps the warnings of authorization policies that name the port of a Service where connections to it arrive at another, which is what policies are asked about. Not thread-safe.
/// </summary>
internal sealed class ServicePortWarnings
{
    private readonly MultiMap<(string Namespace, ushort Port), ObjectKey> _policies = new();

    /// <summary>Services by their ports and by those that they lead to.</summary>
    private readonly MultiMap<(string Namespace, ushort Port), ObjectKey> _services = new();

    private readonly SortedDictionary<string, SourceError[]> _warnings = new(StringComparer.Ordinal);

    /// <summary>All of them, by policy.</summary>
    public IEnumerable<SourceError> All => _warnings.Values.SelectMany(w => w);

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IEnumerable<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<ObjectKey> dirty = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            MeshObject one = (old ?? now)!;
            if (one is ServiceObject)
            {
                foreach (ushort port in PortsOf(old as ServiceObject)) _services.Remove((one.Meta.Namespace, port), one.Key);
                foreach (ushort port in PortsOf(now as ServiceObject)) _services.Add((one.Meta.Namespace, port), one.Key);
                dirty.UnionWith(PortsOf(old as ServiceObject).Concat(PortsOf(now as ServiceObject)).SelectMany(port => _policies[(one.Meta.Namespace, port)]));
            }
            else if (one is AuthorizationPolicyObject && one.Meta.Namespace != Names.RootNamespace)
            {
                if (old is AuthorizationPolicyObject gone) foreach (ushort port in NameWarnings.PortsOf(gone)) _policies.Remove((one.Meta.Namespace, port), one.Key);
                if (now is AuthorizationPolicyObject added) foreach (ushort port in NameWarnings.PortsOf(added)) _policies.Add((one.Meta.Namespace, port), one.Key);
                dirty.Add(one.Key);
            }
        }
        foreach (ObjectKey key in dirty)
        {
            SourceError[] found = find(key) is AuthorizationPolicyObject policy ? [.. Of(policy, find).Take(SourceError.MostOfAPlace + 1)] : [];
            if (found.Length == 0) _warnings.Remove(key.ToString());
            else _warnings[key.ToString()] = found;
        }
    }

    private IEnumerable<SourceError> Of(AuthorizationPolicyObject policy, Func<ObjectKey, MeshObject?> find)
    {
        for (int rule = 0; rule < policy.Policy.Rules.Count; rule++)
        {
            for (int to = 0; to < policy.Policy.Rules[rule].To.Count; to++)
            {
                PolicyDestination destination = policy.Policy.Rules[rule].To[to];
                foreach ((string field, EquatableArray<ushort> ports) in new[] { ("ports", destination.Ports), ("notPorts", destination.NotPorts) })
                {
                    for (int i = 0; i < ports.Count; i++)
                    {
                        if (Reason(policy, ports[i], destination.Protocol, find) is { } reason) yield return SourceWarning.About(policy, reason, "spec", "rules", rule, "to", to, field, i);
                    }
                }
            }
        }
    }

    private string? Reason(AuthorizationPolicyObject policy, ushort port, TransportProtocol? protocol, Func<ObjectKey, MeshObject?> find)
    {
        (ServiceObject Service, ServicePortObject Port)[] named =
        [
            .. _services[(policy.Meta.Namespace, port)].Select(k => (ServiceObject)find(k)!).Where(s => IsOfSome(policy, s)).OrderBy(s => s.Meta.FullName)
                .SelectMany(s => s.Ports.Where(p => (p.Port == port || p.TargetPort == port) && (protocol ?? p.Protocol) == p.Protocol).Select(p => (s, p))),
        ];

        // Which port a name stands for is each workload's own.
        if (named.Length == 0 || named.Any(n => n.Port.TargetPort == port || n.Port.TargetName is not null)) return null;
        return $"{port} is the port of {named[0].Service.Key}, whose connections arrive at port {named[0].Port.TargetPort}: policies are asked about that one";
    }

    /// <summary>Whether a policy selects all the workloads of a Service, or it all that the policy selects. Clients of one without an address of its own connect to the workloads' ports.</summary>
    private static bool IsOfSome(AuthorizationPolicyObject policy, ServiceObject service) =>
        !service.ClusterIps.IsEmpty && !service.Selector.IsEmpty && (ObjectMeta.Matches(policy.Selector, service.Selector) || ObjectMeta.Matches(service.Selector, policy.Selector));

    private static IEnumerable<ushort> PortsOf(ServiceObject? service) => service?.Ports.SelectMany(p => new[] { p.Port, p.TargetPort }).Where(p => p != 0).Distinct() ?? [];
}
