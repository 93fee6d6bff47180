using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Snapshots;

/// <summary>Finds the objects of a namespace whose label selectors match, without trying each: they are filed under one of their labels.</summary>
internal sealed class SelectorIndex<T>
{
    private readonly Func<T, ImmutableSortedDictionary<string, string>> _selector;
    private readonly Dictionary<string, List<(int Order, T Item)>> _all = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Namespace, string Label, string Value), List<(int Order, T Item)>> _byLabel = [];

    /// <summary>Indexes objects; an empty selector matches everything in the namespace.</summary>
    public SelectorIndex(IEnumerable<T> items, Func<T, string> ns, Func<T, ImmutableSortedDictionary<string, string>> selector)
    {
        _selector = selector;
        int order = 0;
        foreach (T item in items)
        {
            List<(int, T)> target;
            if (selector(item).IsEmpty)
            {
                if (!_all.TryGetValue(ns(item), out target!)) _all.Add(ns(item), target = []);
            }
            else
            {
                (string label, string value) = selector(item).First();
                if (!_byLabel.TryGetValue((ns(item), label, value), out target!)) _byLabel.Add((ns(item), label, value), target = []);
            }
            target.Add((order++, item));
        }
    }

    /// <summary>The objects of a namespace that select the labels, in the order they were given in.</summary>
    public IEnumerable<T> Find(string ns, ImmutableSortedDictionary<string, string> labels)
    {
        List<(int Order, T Item)> found = [.. _all.GetValueOrDefault(ns) ?? []];
        foreach ((string label, string value) in labels)
        {
            if (!_byLabel.TryGetValue((ns, label, value), out List<(int Order, T Item)>? candidates)) continue;
            found.AddRange(candidates.Where(c => ObjectMeta.Matches(_selector(c.Item), labels)));
        }
        return found.OrderBy(f => f.Order).Select(f => f.Item);
    }

    /// <summary>The objects that select a workload: mesh-wide ones first, then those of its namespace, each in the order they were given in.</summary>
    public IEnumerable<T> InScope(ObjectMeta workload)
    {
        IEnumerable<T> meshWide = Find(Names.RootNamespace, workload.Labels);
        return workload.Namespace == Names.RootNamespace ? meshWide : meshWide.Concat(Find(workload.Namespace, workload.Labels));
    }
}
