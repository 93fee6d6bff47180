using System.Collections.Immutable;
using Culvert.Controller.Objects;

namespace Culvert.Controller.Compilation;

/// <summary>The selectors of pods that NetworkPolicies in force name as peers, each once, and which of them mean a pod. Not thread-safe.</summary>
internal sealed class PeerGroups
{
    // Stands for every namespace, and for selectors without a label; neither has this name.
    private const string Any = "";

    private readonly Dictionary<string, (PodSelector Selector, SortedDictionary<string, int> Uses)> _groups = new(StringComparer.Ordinal);
    private readonly MultiMap<(string Namespace, string Label, string Value), string> _byLabel = new();

    /// <summary>The namespaces whose policies name a group, by name; empty: none does.</summary>
    public IReadOnlyCollection<string> UsersOf(string group) => _groups.TryGetValue(group, out (PodSelector, SortedDictionary<string, int> Uses) found) ? found.Uses.Keys : [];

    /// <summary>Adds a use of a selector by a policy of a namespace; true when it is the first.</summary>
    public bool Add(PodSelector selector, string ns)
    {
        bool isNew = !_groups.TryGetValue(selector.GroupName, out (PodSelector, SortedDictionary<string, int> Uses) found);
        if (isNew)
        {
            _groups[selector.GroupName] = found = (selector, new(StringComparer.Ordinal));
            _byLabel.Add(First(selector), selector.GroupName);
        }
        found.Uses[ns] = found.Uses.GetValueOrDefault(ns) + 1;
        return isNew;
    }

    /// <summary>Takes a use of a selector away; true when it was the last.</summary>
    public bool Remove(PodSelector selector, string ns)
    {
        SortedDictionary<string, int> uses = _groups[selector.GroupName].Uses;
        if (uses[ns] > 1) uses[ns]--;
        else uses.Remove(ns);
        if (uses.Count > 0) return false;
        _groups.Remove(selector.GroupName);
        _byLabel.Remove(First(selector), selector.GroupName);
        return true;
    }

    /// <summary>The names of the groups that a pod is a member of, in ordinal order.</summary>
    public IEnumerable<string> Of(string ns, ImmutableSortedDictionary<string, string> namespaceLabels, ImmutableSortedDictionary<string, string> labels)
    {
        if (_groups.Count == 0) return [];
        IEnumerable<(string Label, string Value)> keys = labels.Select(l => (l.Key, l.Value)).Prepend((Any, Any));
        return keys.SelectMany(k => _byLabel[(ns, k.Label, k.Value)].Concat(_byLabel[(Any, k.Label, k.Value)]))
            .Where(g => _groups[g].Selector.Matches(ns, namespaceLabels, labels)).Order(StringComparer.Ordinal);
    }

    private static (string, string, string) First(PodSelector selector)
    {
        KeyValuePair<string, string> label = selector.Pods.MatchLabels.IsEmpty ? new(Any, Any) : selector.Pods.MatchLabels.First();
        return (selector.Namespace ?? Any, label.Key, label.Value);
    }
}
