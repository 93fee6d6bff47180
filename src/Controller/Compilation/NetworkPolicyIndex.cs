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

    /// <summary>Namespaces whose policies have too many selectors of peers: they are not even tried.</summary>
    private readonly HashSet<string> _closed = new(StringComparer.Ordinal);
    private readonly PeerMemberships _memberships;

    public NetworkPolicyIndex() => _memberships = new(_groups.UsersOf);

    /// <summary>The policies of a namespace, by name.</summary>
    public IEnumerable<NetworkPolicyObject> Of(string ns) => _byNamespace[ns].Order().Select(n => _policies[n]);

    /// <summary>Whether selectors of peers in policies of a namespace mean nobody, because they are too many, or mean too many.</summary>
    public bool IsClosed(string ns) => _closed.Contains(ns) || _memberships.IsOver(ns);

    /// <summary>The policies that select a workload of those labels, by name.</summary>
    public IEnumerable<NetworkPolicyObject> Selecting(ObjectMeta workload) => _bySelected.Find(workload.Namespace, workload.Labels).Where(p => p.Selector.Matches(workload.Labels));

    /// <summary>The peer groups that nodes are told a workload is in; none for one that can't be told from its node.</summary>
    public EquatableArray<string> GroupsOf(WorkloadObject workload, ImmutableSortedDictionary<string, string> namespaceLabels) =>
        All(workload, namespaceLabels).Where(g => _groups.UsersOf(g).Any(ns => !_memberships.IsOver(ns))).ToEquatableArray();

    /// <summary>Takes up that there is a workload with labels, or no longer.</summary>
    /// <param name="workload">The workload.</param>
    /// <param name="namespaceLabels">Labels of its namespace, as they are or were.</param>
    /// <param name="by">1: there is; -1: there was.</param>
    public void Count(WorkloadObject workload, ImmutableSortedDictionary<string, string> namespaceLabels, int by)
    {
        foreach (string group in All(workload, namespaceLabels)) _memberships.Change(group, by);
    }

    /// <summary>Decides whose selectors mean too many pods.</summary>
    /// <returns>The namespaces of which <see cref="IsClosed"/> says something else than before.</returns>
    public IReadOnlyCollection<string> DecideRoom() => _memberships.Decide();

    /// <summary>The workloads that selectors of peers in policies of a namespace may mean.</summary>
    public HashSet<NamespacedName> MeantBy(string ns, WorkloadIndex workloads) => _closed.Contains(ns) ? [] : [.. Of(ns).SelectMany(NetworkPolicyCompiler.PeersOf).Distinct().SelectMany(p => MeantBy(p, workloads))];

    /// <summary>Those of a workload's ports that some policy means by name.</summary>
    public EquatableArray<NamedPort> PortsOf(WorkloadObject workload) =>
        workload.HostNetwork ? [] : workload.Ports.Where(p => _portNames.ContainsKey(p.Key)).Select(p => new NamedPort(p.Key, p.Value.Port, p.Value.Protocol)).ToEquatableArray();

    /// <summary>Puts a policy in the place of another.</summary>
    /// <param name="before">How it was; null: it is new.</param>
    /// <param name="after">How it is; null: it is gone.</param>
    /// <param name="workloads">The workloads.</param>
    /// <param name="labelsOf">The labels of a namespace.</param>
    /// <returns>The workloads that may have to be told something else.</returns>
    public HashSet<NamespacedName> Replace(NetworkPolicyObject? before, NetworkPolicyObject? after, WorkloadIndex workloads, Func<string, ImmutableSortedDictionary<string, string>> labelsOf)
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
        if (!_closed.Contains(name.Namespace))
        {
            foreach (PodSelector peers in NetworkPolicyCompiler.PeersOf(after)) Use(peers, name.Namespace, workloads, labelsOf, touched);
            foreach (PodSelector peers in NetworkPolicyCompiler.PeersOf(before)) Leave(peers, name.Namespace, workloads, touched);
        }
        HashSet<string> names = [.. PortNamesOf(after).Where(n => Count(n, 1) == 1), .. PortNamesOf(before).Where(n => Count(n, -1) == 0)];
        if (names.Count > 0) touched.UnionWith(workloads.All.Where(w => w.Ports.Keys.Any(names.Contains)).Select(w => w.Meta.FullName));
        return touched;
    }

    /// <summary>Says whether the policies of a namespace have too many selectors of peers.</summary>
    /// <returns>The workloads that may have to be told something else.</returns>
    public HashSet<NamespacedName> SetClosed(string ns, bool isClosed, WorkloadIndex workloads, Func<string, ImmutableSortedDictionary<string, string>> labelsOf)
    {
        HashSet<NamespacedName> touched = [];
        if (_closed.Contains(ns) == isClosed) return touched;
        if (isClosed) _closed.Add(ns);
        else _closed.Remove(ns);
        foreach (PodSelector peers in Of(ns).SelectMany(NetworkPolicyCompiler.PeersOf))
        {
            if (isClosed) Leave(peers, ns, workloads, touched);
            else Use(peers, ns, workloads, labelsOf, touched);
        }
        return touched;
    }

    private void Use(PodSelector peers, string ns, WorkloadIndex workloads, Func<string, ImmutableSortedDictionary<string, string>> labelsOf, HashSet<NamespacedName> touched)
    {
        string group = peers.GroupName;
        if (!_groups.Add(peers, ns))
        {
            // It may be there for nobody but namespaces that are over.
            if (_groups.UsersOf(group).Any(_memberships.IsOver)) touched.UnionWith(MeantBy(peers, workloads));
            return;
        }
        NamespacedName[] meant = [.. MeantBy(peers, workloads)];
        touched.UnionWith(meant);
        _memberships.Change(group, meant.Select(workloads.Find).Count(w => !w!.HostNetwork && peers.Matches(w.Meta.Namespace, labelsOf(w.Meta.Namespace), w.Meta.Labels)));
    }

    private void Leave(PodSelector peers, string ns, WorkloadIndex workloads, HashSet<NamespacedName> touched)
    {
        bool isLast = _groups.Remove(peers, ns);
        if (!isLast && !_groups.UsersOf(peers.GroupName).Any(_memberships.IsOver)) return;
        touched.UnionWith(MeantBy(peers, workloads));
        if (isLast) _memberships.Forget(peers.GroupName);
    }

    private IEnumerable<string> All(WorkloadObject workload, ImmutableSortedDictionary<string, string> namespaceLabels) =>
        workload.HostNetwork ? [] : _groups.Of(workload.Meta.Namespace, namespaceLabels, workload.Meta.Labels);

    /// <summary>What is wrong with each namespace whose selectors of peers mean nobody, said of the first of its policies by name.</summary>
    public IEnumerable<SourceError> Errors() => _byNamespace.All.Select(n => n.Key).Where(IsClosed).Order(StringComparer.Ordinal).Select(ns =>
    {
        NetworkPolicyObject first = Of(ns).First();
        string why = _closed.Contains(ns)
            ? $"they are more than {NamespaceLimits.MostPeerSelectors}, or those of all namespaces are more than {NamespaceLimits.MostPeerSelectorsOfAll} and these most"
            : $"those of all namespaces mean more than {NamespaceLimits.MostMemberships} pods, each counted for each selector, and these most";
        return new SourceError(first.Meta.Origin.Place, first.Meta.Origin.Line, first.Key.ToString(), "spec", $"selectors of pods as peers in the NetworkPolicies of namespace '{ns}', this one and all others, allow nothing: {why}; give it fewer");
    });

    private static IEnumerable<NamespacedName> MeantBy(PodSelector peers, WorkloadIndex workloads) =>
        peers.Namespace is { } ns ? workloads.Selected(ns, peers.Pods.MatchLabels) : workloads.Everywhere(peers.Pods.MatchLabels);

    private static IEnumerable<string> PortNamesOf(NetworkPolicyObject? policy) => policy is null ? [] : NetworkPolicyCompiler.PortNamesOf(policy);

    private int Count(string name, int by)
    {
        int now = _portNames.GetValueOrDefault(name) + by;
        if (now == 0) _portNames.Remove(name);
        else _portNames[name] = now;
        return now;
    }
}
