using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>
/// Keeps the warnings of authorization policies that name the port of a Service where connections to it arrive at another, which is what policies are asked about. Not thread-safe.
/// </summary>
/// <param name="workloads">The workloads, as they are after the change that is taken up.</param>
internal sealed class ServicePortWarnings(WorkloadIndex workloads)
{
    private readonly MultiMap<(string Namespace, ushort Port), ObjectKey> _policies = new();

    /// <summary>Services by their ports and by those that they lead to.</summary>
    private readonly MultiMap<(string Namespace, ushort Port), ObjectKey> _services = new();

    /// <summary>Those that lead to a port by its name: which that is their workloads say.</summary>
    private readonly SelectorIndex<ServiceObject> _byName = new(s => s.Selector);

    private readonly MultiMap<string, ObjectKey> _byNameOfNamespace = new();
    private readonly WarningTable _warnings = new();

    /// <summary>All of them, by policy.</summary>
    public IEnumerable<SourceError> All => _warnings.All;

    /// <summary>Takes changes up that the workloads have gone through already.</summary>
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
                if (old is ServiceObject before && LeadsByName(before)) RemoveByName(before);
                if (now is ServiceObject after && LeadsByName(after)) AddByName(after);
                dirty.UnionWith(PortsOf(old as ServiceObject).Concat(PortsOf(now as ServiceObject)).SelectMany(port => _policies[(one.Meta.Namespace, port)]));
            }
            else if (one is AuthorizationPolicyObject && one.Meta.Namespace != Names.RootNamespace)
            {
                if (old is AuthorizationPolicyObject gone) foreach (ushort port in NameWarnings.PortsOf(gone)) _policies.Remove((one.Meta.Namespace, port), one.Key);
                if (now is AuthorizationPolicyObject added) foreach (ushort port in NameWarnings.PortsOf(added)) _policies.Add((one.Meta.Namespace, port), one.Key);
                dirty.Add(one.Key);
            }
        }
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            if ((old as WorkloadObject, now as WorkloadObject) is var (was, isNow) && !HasSameNames(was, isNow)) dirty.UnionWith(PoliciesOf(was).Concat(PoliciesOf(isNow)));
        }
        foreach (ObjectKey key in dirty) _warnings.Set(key, find(key) is AuthorizationPolicyObject policy ? Of(policy, find) : []);
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

        if (named.Length == 0 || named.Any(n => n.Port.TargetPort == port) || IsNamed(policy, port, protocol, find)) return null;
        foreach ((ServiceObject service, ServicePortObject of) in named)
        {
            ushort[] targets = of.TargetName is { } name ? [.. Named(policy, service, of, name).Distinct().Order()] : [of.TargetPort];
            if (targets.Length > 0) return $"{port} is the port of {service.Key}, whose connections arrive at port {string.Join(" or ", targets)}: policies are asked about that one";
        }
        return null; // no workload is there that could say which port a name stands for
    }

    /// <summary>Whether a Service leads to the port by a name that it has at workloads of a policy.</summary>
    private bool IsNamed(AuthorizationPolicyObject policy, ushort port, TransportProtocol? protocol, Func<ObjectKey, MeshObject?> find) =>
        _byNameOfNamespace[policy.Meta.Namespace].Select(k => (ServiceObject)find(k)!).Where(s => IsOfSome(policy, s))
            .Any(s => s.Ports.Any(p => p.TargetName is { } name && (protocol ?? p.Protocol) == p.Protocol && Named(policy, s, p, name).Contains(port)));

    /// <summary>The ports that a name stands for at the workloads of both a policy and a Service.</summary>
    private IEnumerable<ushort> Named(AuthorizationPolicyObject policy, ServiceObject service, ServicePortObject port, string name) =>
        workloads.Selected(service.Meta.Namespace, service.Selector).Select(n => workloads.Find(n)!).Where(w => ObjectMeta.Matches(policy.Selector, w.Meta.Labels))
            .Select(w => w.Ports.GetValueOrDefault(name)).Where(p => p.Port != 0 && p.Protocol == port.Protocol).Select(p => p.Port);

    private static bool LeadsByName(ServiceObject service) => !service.Selector.IsEmpty && service.Ports.Any(p => p.TargetName is not null);

    private void AddByName(ServiceObject service)
    {
        _byName.Add(service);
        _byNameOfNamespace.Add(service.Meta.Namespace, service.Key);
    }

    private void RemoveByName(ServiceObject service)
    {
        _byName.Remove(service);
        _byNameOfNamespace.Remove(service.Meta.Namespace, service.Key);
    }

    private static bool HasSameNames(WorkloadObject? old, WorkloadObject? now) =>
        old is null ? now is null : now is not null && old.Meta.Labels.SequenceEqual(now.Meta.Labels) && old.Ports.SequenceEqual(now.Ports);

    /// <summary>The policies that name the port of a Service which leads to a workload by name.</summary>
    private IEnumerable<ObjectKey> PoliciesOf(WorkloadObject? workload) =>
        workload is null ? [] : _byName.Find(workload.Meta.Namespace, workload.Meta.Labels).SelectMany(s => s.Ports.Where(p => p.TargetName is not null)).SelectMany(p => _policies[(workload.Meta.Namespace, p.Port)]);

    /// <summary>Whether a policy selects all the workloads of a Service, or it all that the policy selects. Clients of one without an address of its own connect to the workloads' ports.</summary>
    private static bool IsOfSome(AuthorizationPolicyObject policy, ServiceObject service) =>
        !service.ClusterIps.IsEmpty && !service.Selector.IsEmpty && (ObjectMeta.Matches(policy.Selector, service.Selector) || ObjectMeta.Matches(service.Selector, policy.Selector));

    private static IEnumerable<ushort> PortsOf(ServiceObject? service) => service?.Ports.SelectMany(p => new[] { p.Port, p.TargetPort }).Where(p => p != 0).Distinct() ?? [];
}
