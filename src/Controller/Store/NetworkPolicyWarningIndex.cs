using System.Collections.Immutable;
using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of NetworkPolicies, and finds anew those that a change reaches: it counts what there is of all that they name. Not thread-safe.</summary>
/// <param name="workloads">The workloads, as they are after the change that is taken up.</param>
internal sealed class NetworkPolicyWarningIndex(WorkloadIndex workloads)
{
    private readonly SelectorIndex<NetworkPolicyObject> _policies = new(p => p.Selector.MatchLabels);
    private readonly PeerGroups _groups = new();
    private readonly Dictionary<string, NamespaceObject> _namespaces = new(StringComparer.Ordinal);

    /// <summary>The workloads that are counted, as they were: those that a selector can mean.</summary>
    private readonly Dictionary<NamespacedName, WorkloadObject> _pods = [];

    private readonly Tally<ObjectKey> _selected = new();
    private readonly Tally<(ObjectKey Policy, PortName Port)> _selectedPorts = new();
    private readonly Tally<string> _members = new();
    private readonly Tally<PortName> _ports = new();
    private readonly Tally<IpPrefix> _serviceAddresses = new();

    private readonly MultiMap<string, ObjectKey> _byGroup = new();
    private readonly MultiMap<PortName, ObjectKey> _byPort = new();
    private readonly MultiMap<IpPrefix, ObjectKey> _byBlock = new();

    /// <summary>The policies that are looked at anew at the end of the change.</summary>
    private readonly HashSet<ObjectKey> _dirty = [];
    private readonly SortedDictionary<NamespacedName, SourceError[]> _warnings = [];

    /// <summary>All warnings, by policy.</summary>
    public IEnumerable<SourceError> All => _warnings.Values.SelectMany(w => w);

    /// <summary>Takes a change up that the workloads have gone through already.</summary>
    /// <param name="changes">How each object was and is; null where it was not there, or is gone.</param>
    /// <param name="find">The objects in force now.</param>
    public void Update(IReadOnlyCollection<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<NamespacedName> names = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            MeshObject one = (old ?? now)!;
            if (one is WorkloadObject) names.Add(one.Meta.FullName);
            else if (one is NamespaceObject && !LabelsOf(old).SequenceEqual(LabelsOf(now))) names.UnionWith(workloads.InNamespace(one.Meta.Name));
        }
        foreach (NamespacedName name in names)
        {
            if (_pods.Remove(name, out WorkloadObject? pod)) Count(pod, -1);
        }
        foreach ((MeshObject? old, MeshObject? now) in changes) Replace(old, now);
        foreach (NamespacedName name in names)
        {
            if (workloads.Find(name) is not { HostNetwork: false } pod) continue;
            _pods.Add(name, pod);
            Count(pod, 1);
        }
        foreach (ObjectKey key in _dirty) Find(key, find(key) as NetworkPolicyObject);
        _dirty.Clear();
    }

    private static ImmutableSortedDictionary<string, string> LabelsOf(MeshObject? ns) => ns?.Meta.Labels ?? ImmutableSortedDictionary<string, string>.Empty;

    private void Replace(MeshObject? old, MeshObject? now)
    {
        switch ((old ?? now)!)
        {
            case NetworkPolicyObject:
                Replace(old as NetworkPolicyObject, now as NetworkPolicyObject);
                break;
            case NamespaceObject:
                if (now is NamespaceObject ns) _namespaces[ns.Meta.Name] = ns;
                else _namespaces.Remove(old!.Meta.Name);
                break;
            case ServiceObject:
                Count(old as ServiceObject, -1);
                Count(now as ServiceObject, 1);
                break;
        }
    }

    private void Replace(NetworkPolicyObject? old, NetworkPolicyObject? now)
    {
        _dirty.Add((old ?? now)!.Key);
        string ns = (old ?? now)!.Meta.Namespace;

        // What both name is first counted twice, so that its members are not counted anew.
        PodSelector[] added = [.. PeersOf(now).Where(p => _groups.Add(p, ns))], removed = [.. PeersOf(old).Where(p => _groups.Remove(p, ns))];
        foreach (PodSelector peer in removed) _members.Forget(peer.GroupName);
        foreach (PodSelector peer in added) _members.Count(peer.GroupName, Candidates(peer).Count(p => peer.Matches(p.Meta.Namespace, LabelsOf(p.Meta.Namespace), p.Meta.Labels)));
        if (old is not null)
        {
            _policies.Remove(old);
            _selected.Forget(old.Key);
            foreach (PortName port in PortName.In(old.Ingress)) _selectedPorts.Forget((old.Key, port));
            foreach (PodSelector peer in PeersOf(old)) _byGroup.Remove(peer.GroupName, old.Key);
            foreach (PortName port in PortName.In(old.Rules)) _byPort.Remove(port, old.Key);
            foreach (IpPrefix block in BlocksOf(old)) _byBlock.Remove(block, old.Key);
        }
        if (now is null) return;
        _policies.Add(now);
        foreach (WorkloadObject pod in Pods(workloads.Selected(now.Meta.Namespace, now.Selector.MatchLabels)).Where(p => now.Selector.Matches(p.Meta.Labels))) CountSelected(now, pod, 1);
        foreach (PodSelector peer in PeersOf(now)) _byGroup.Add(peer.GroupName, now.Key);
        foreach (PortName port in PortName.In(now.Rules)) _byPort.Add(port, now.Key);
        foreach (IpPrefix block in BlocksOf(now)) _byBlock.Add(block, now.Key);
    }

    private static IEnumerable<PodSelector> PeersOf(NetworkPolicyObject? policy) => NetworkPolicyCompiler.PeersOf(policy).Take(NamespaceLimits.MostPeerSelectors);

    /// <summary>The blocks of one address, which alone can be that of a Service.</summary>
    private static IEnumerable<IpPrefix> BlocksOf(NetworkPolicyObject policy) =>
        policy.Rules.SelectMany(r => r.Peers).Select(p => p.Block).OfType<IpPrefix>().Where(b => b.Length == b.MaxLength).Distinct();

    private IEnumerable<WorkloadObject> Candidates(PodSelector peer) =>
        Pods(peer.Namespace is { } ns ? workloads.Selected(ns, peer.Pods.MatchLabels) : workloads.Everywhere(peer.Pods.MatchLabels));

    private IEnumerable<WorkloadObject> Pods(IEnumerable<NamespacedName> names) => names.Select(n => _pods.GetValueOrDefault(n)).OfType<WorkloadObject>();

    private ImmutableSortedDictionary<string, string> LabelsOf(string ns) => NamespaceObject.LabelsOf(ns, _namespaces.GetValueOrDefault(ns));

    private void Count(WorkloadObject pod, int by)
    {
        foreach (PortName port in pod.Ports.Select(p => new PortName(p.Key, p.Value.Protocol)))
        {
            if (_ports.Count(port, by)) _dirty.UnionWith(_byPort[port]);
        }
        foreach (string group in _groups.Of(pod.Meta.Namespace, LabelsOf(pod.Meta.Namespace), pod.Meta.Labels))
        {
            if (_members.Count(group, by)) _dirty.UnionWith(_byGroup[group]);
        }
        foreach (NetworkPolicyObject policy in _policies.Find(pod.Meta.Namespace, pod.Meta.Labels).Where(p => p.Selector.Matches(pod.Meta.Labels))) CountSelected(policy, pod, by);
    }

    private void CountSelected(NetworkPolicyObject policy, WorkloadObject pod, int by)
    {
        bool isNews = _selected.Count(policy.Key, by);
        foreach (PortName port in PortName.In(policy.Ingress))
        {
            if (pod.Ports.TryGetValue(port.Name, out TransportPort own) && own.Protocol == port.Protocol) isNews |= _selectedPorts.Count((policy.Key, port), by);
        }
        if (isNews) _dirty.Add(policy.Key);
    }

    private void Count(ServiceObject? service, int by)
    {
        foreach (IpPrefix address in service?.ClusterIps.Select(IpPrefix.Host) ?? [])
        {
            if (_serviceAddresses.Count(address, by)) _dirty.UnionWith(_byBlock[address]);
        }
    }

    private void Find(ObjectKey key, NetworkPolicyObject? policy)
    {
        NetworkPolicyFacts facts = new(_selected.Has(key), p => _members.Has(p.GroupName), p => _selectedPorts.Has((key, p)), _ports.Has, _serviceAddresses.Has);
        // To make one means to look its line up in the document, and a place has no more than so many told.
        SourceError[] all = policy is null ? [] : [.. NetworkPolicyWarnings.Of(policy, facts).Take(SourceError.MostOfAPlace + 1)];
        NamespacedName name = new(key.Namespace, key.Name);
        if (all.Length == 0) _warnings.Remove(name);
        else _warnings[name] = all;
    }
}
