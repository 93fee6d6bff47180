using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>NetworkPolicies in force by what they select and name, and which workloads hear of it when one changes. Not thread-safe.</summary>
internal sealed class NetworkPolicyIndex
{
    private readonly SelectorIndex<NetworkPolicyObject> _bySelected = new(p => p.Selector.MatchLabels);
    private readonly PeerGroups _groups = new();
    private readonly Dictionary<string, int> _portNames = new(StringComparer.Ordinal);
    private readonly Dictionary<NamespacedName, NetworkPolicyObject> _policies = [];
    private readonly MultiMap<string, NamespacedName> _byNamespace = new();

    /// <summary>Namespaces whose policies' selectors of peers mean nobody, because there is no room for what they mean.</summary>
    private readonly HashSet<string> _closed = new(StringComparer.Ordinal);

    public NetworkPolicyIndex() => Memberships = new(_groups.FirstUser);

    /// <summary>What nodes are told of members.</summary>
    public PeerMemberships Memberships { get; }

    /// <summary>The policies of a namespace, by name.</summary>
    public IEnumerable<NetworkPolicyObject> Of(string ns) => _byNamespace[ns].Order().Select(n => _policies[n]);

    /// <summary>Whether selectors of peers in policies of a namespace mean nobody.</summary>
    public bool IsClosed(string ns) => _closed.Contains(ns);

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
        NamespacedName name = (before ?? after)!.Meta.FullName;
        _policies.Remove(name);
        _byNamespace.Remove(name.Namespace, name);
        if (before is not null) _bySelected.Remove(before);
        if (after is not null)
        {
            _bySelected.Add(after);
            _policies.Add(name, after);
            _byNamespace.Add(name.Namespace, name);
        }
        foreach (NetworkPolicyObject one in before is null || after is null || before.Selector != after.Selector ? new[] { before, after }.OfType<NetworkPolicyObject>() : [])
            touched.UnionWith(workloads.Selected(one.Meta.Namespace, one.Selector.MatchLabels));

        // What both name is first counted twice, so that it is not taken for new.
        bool isClosed = IsClosed(name.Namespace);
        PodSelector[] added = isClosed ? [] : [.. PeersOf(after).Where(p => _groups.Add(p, name.Namespace))];
        PodSelector[] removed = isClosed ? [] : [.. PeersOf(before).Where(p => _groups.Remove(p, name.Namespace))];
        foreach (PodSelector peers in added.Concat(removed)) touched.UnionWith(MeantBy(peers, workloads));
        HashSet<string> names = [.. PortNamesOf(after).Where(n => Count(n, 1) == 1), .. PortNamesOf(before).Where(n => Count(n, -1) == 0)];
        if (names.Count > 0) touched.UnionWith(workloads.All.Where(w => w.Ports.Keys.Any(names.Contains)).Select(w => w.Meta.FullName));
        return touched;
    }

    /// <summary>Has the selectors of peers in policies of a namespace mean nobody, or mean somebody again.</summary>
    /// <returns>The workloads that may have to be told something else.</returns>
    public HashSet<NamespacedName> Close(string ns, bool isClosed, WorkloadIndex workloads)
    {
        HashSet<NamespacedName> touched = [];
        if (IsClosed(ns) == isClosed) return touched;
        if (isClosed) _closed.Add(ns);
        else _closed.Remove(ns);
        foreach (PodSelector peers in Of(ns).SelectMany(PeersOf))
        {
            if (isClosed ? _groups.Remove(peers, ns) : _groups.Add(peers, ns)) touched.UnionWith(MeantBy(peers, workloads));
        }
        return touched;
    }

    /// <summary>What is wrong with each namespace whose selectors of peers mean too many, said of the first of its policies by name.</summary>
    public IEnumerable<SourceError> Errors() => _closed.Order(StringComparer.Ordinal).Select(ns => Of(ns).FirstOrDefault()).OfType<NetworkPolicyObject>().Select(first => new SourceError(
        first.Meta.Origin.Place, first.Meta.Origin.Line, first.Key.ToString(), "spec",
        $"selectors of pods as peers in the NetworkPolicies of namespace '{first.Meta.Namespace}', this one and all others, allow nothing: they are more than {NamespaceLimits.MostPeerSelectors}, or they mean so many pods that there is no room for all that such selectors mean in the mesh ({NamespaceLimits.MostMemberships}), and those of no other namespace mean more; give it fewer"));

    private static IEnumerable<NamespacedName> MeantBy(PodSelector peers, WorkloadIndex workloads) =>
        peers.Namespace is { } ns ? workloads.Selected(ns, peers.Pods.MatchLabels) : workloads.Everywhere(peers.Pods.MatchLabels);

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
