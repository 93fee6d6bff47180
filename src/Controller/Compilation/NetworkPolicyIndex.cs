using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>NetworkPolicies in force by what they select and name, and which workloads hear of it when one changes. Not thread-safe.</summary>
internal sealed class NetworkPolicyIndex
{
    private readonly SelectorIndex<NetworkPolicyObject> _bySelected = new(p => p.Selector.MatchLabels);
    private readonly PeerGroups _groups = new();
    private readonly Dictionary<string, int> _portNames = new(StringComparer.Ordinal);

    /// <summary>The policies that select a workload of those labels, by name.</summary>
    public IEnumerable<NetworkPolicyObject> Selecting(ObjectMeta workload) => _bySelected.Find(workload.Namespace, workload.Labels).Where(p => p.Selector.Matches(workload.Labels));

    /// <summary>The peer groups of a workload; none for one that can't be told from its node.</summary>
    public EquatableArray<string> GroupsOf(WorkloadObject workload, ImmutableSortedDictionary<string, string> namespaceLabels) =>
        workload.HostNetwork ? [] : _groups.Of(workload.Meta.Namespace, namespaceLabels, workload.Meta.Labels).ToEquatableArray();

    /// <summary>Those of a workload's ports that some policy means by name.</summary>
    public EquatableArray<NamedPort> PortsOf(WorkloadObject workload) =>
        workload.HostNetwork ? [] : workload.Ports.Where(p => _portNames.ContainsKey(p.Key)).Select(p => new NamedPort(p.Key, p.Value.Port, p.Value.Protocol)).ToEquatableArray();

    /// <summary>Puts a policy in the place of another.</summary>
    /// <returns>The workloads that may have to be told something else.</returns>
    public HashSet<NamespacedName> Replace(NetworkPolicyObject? before, NetworkPolicyObject? after, WorkloadIndex workloads)
    {
        HashSet<NamespacedName> touched = [];
        if (before is not null) _bySelected.Remove(before);
        if (after is not null) _bySelected.Add(after);
        foreach (NetworkPolicyObject one in before is null || after is null || before.Selector != after.Selector ? new[] { before, after }.OfType<NetworkPolicyObject>() : [])
            touched.UnionWith(workloads.Selected(one.Meta.Namespace, one.Selector.MatchLabels));

        // What both name is first counted twice, so that it is not taken for new.
        PodSelector[] added = [.. PeersOf(after).Where(_groups.Add)];
        PodSelector[] removed = [.. PeersOf(before).Where(_groups.Remove)];
        foreach (PodSelector peers in added.Concat(removed))
            touched.UnionWith(peers.Namespace is { } ns ? workloads.Selected(ns, peers.Pods.MatchLabels) : workloads.Everywhere(peers.Pods.MatchLabels));
        HashSet<string> names = [.. PortNamesOf(after).Where(n => Count(n, 1) == 1), .. PortNamesOf(before).Where(n => Count(n, -1) == 0)];
        if (names.Count > 0) touched.UnionWith(workloads.All.Where(w => w.Ports.Keys.Any(names.Contains)).Select(w => w.Meta.FullName));
        return touched;
    }

    private static IEnumerable<PodSelector> PeersOf(NetworkPolicyObject? policy) => policy is null ? [] : NetworkPolicyCompiler.PeersOf(policy).Distinct();

    private static IEnumerable<string> PortNamesOf(NetworkPolicyObject? policy) => policy is null ? [] : NetworkPolicyCompiler.PortNamesOf(policy);

    private int Count(string name, int by)
    {
        int now = _portNames.GetValueOrDefault(name) + by;
        if (now == 0) _portNames.Remove(name);
        else _portNames[name] = now;
        return now;
    }
}
