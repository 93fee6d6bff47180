using System.Collections.Immutable;
using System.Net;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>The workloads of a mesh by all that others find them by. Not thread-safe.</summary>
internal sealed class WorkloadIndex
{
    // Stands for every namespace among the labels; no namespace has this name.
    private const string EveryNamespace = "";

    private readonly Dictionary<NamespacedName, WorkloadObject> _all = [];
    private readonly MultiMap<string, NamespacedName> _byNamespace = new();
    private readonly MultiMap<IPAddress, NamespacedName> _byAddress = new();
    private readonly MultiMap<(string Namespace, string Label, string Value), NamespacedName> _byLabel = new();

    public IReadOnlyCollection<WorkloadObject> All => _all.Values;

    public WorkloadObject? Find(NamespacedName name) => _all.GetValueOrDefault(name);

    public void Add(WorkloadObject workload)
    {
        NamespacedName name = workload.Meta.FullName;
        _all.Add(name, workload);
        _byNamespace.Add(name.Namespace, name);
        foreach (IPAddress address in workload.Addresses) _byAddress.Add(address, name);
        foreach ((string label, string value) in workload.Meta.Labels)
        {
            _byLabel.Add((name.Namespace, label, value), name);
            _byLabel.Add((EveryNamespace, label, value), name);
        }
    }

    public void Remove(WorkloadObject workload)
    {
        NamespacedName name = workload.Meta.FullName;
        _all.Remove(name);
        _byNamespace.Remove(name.Namespace, name);
        foreach (IPAddress address in workload.Addresses) _byAddress.Remove(address, name);
        foreach ((string label, string value) in workload.Meta.Labels)
        {
            _byLabel.Remove((name.Namespace, label, value), name);
            _byLabel.Remove((EveryNamespace, label, value), name);
        }
    }

    /// <summary>The workload that has an address; the first by name where several have.</summary>
    public WorkloadObject? ByAddress(IPAddress address)
    {
        IReadOnlyCollection<NamespacedName> names = _byAddress[address];
        return names.Count == 0 ? null : _all[names.Min()];
    }

    public IEnumerable<NamespacedName> InNamespace(string ns) => _byNamespace[ns];

    /// <summary>The workloads of a namespace that a selector matches, in no order; all of them when it is empty.</summary>
    public IEnumerable<NamespacedName> Selected(string ns, ImmutableSortedDictionary<string, string> selector) =>
        selector.IsEmpty ? _byNamespace[ns] : Matching(ns, selector);

    /// <summary>As <see cref="Selected"/>, but what is in the root namespace selects from the whole mesh.</summary>
    public IEnumerable<NamespacedName> InScope(string ns, ImmutableSortedDictionary<string, string> selector) =>
        ns != Names.RootNamespace ? Selected(ns, selector) : Everywhere(selector);

    /// <summary>The workloads of every namespace that labels match; all of them when there is none.</summary>
    public IEnumerable<NamespacedName> Everywhere(ImmutableSortedDictionary<string, string> labels) => labels.IsEmpty ? _all.Keys : Matching(EveryNamespace, labels);

    private IEnumerable<NamespacedName> Matching(string ns, ImmutableSortedDictionary<string, string> selector)
    {
        // The label that the fewest have.
        IReadOnlyCollection<NamespacedName> candidates = selector.Select(l => _byLabel[(ns, l.Key, l.Value)]).MinBy(c => c.Count)!;
        return candidates.Where(n => ObjectMeta.Matches(selector, _all[n].Meta.Labels));
    }
}
