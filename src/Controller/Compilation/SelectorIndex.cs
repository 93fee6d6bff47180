using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Finds the objects of a namespace whose label selectors match, without trying each: they are filed under one of their labels. Not thread-safe.</summary>
/// <param name="selector">The selector of an object; an empty one matches everything in the namespace.</param>
internal sealed class SelectorIndex<T>(Func<T, ImmutableSortedDictionary<string, string>> selector)
    where T : MeshObject
{
    private readonly Dictionary<NamespacedName, T> _items = [];
    private readonly MultiMap<string, NamespacedName> _all = new();
    private readonly MultiMap<(string Namespace, string Label, string Value), NamespacedName> _byLabel = new();

    public void Add(T item)
    {
        NamespacedName name = item.Meta.FullName;
        _items.Add(name, item);
        if (selector(item).IsEmpty) _all.Add(name.Namespace, name);
        else _byLabel.Add(First(item), name);
    }

    public void Remove(T item)
    {
        NamespacedName name = item.Meta.FullName;
        if (!_items.Remove(name)) return;
        if (selector(item).IsEmpty) _all.Remove(name.Namespace, name);
        else _byLabel.Remove(First(item), name);
    }

    /// <summary>The objects of a namespace that select the labels, by name.</summary>
    public IEnumerable<T> Find(string ns, ImmutableSortedDictionary<string, string> labels)
    {
        List<T> found = [.. _all[ns].Select(n => _items[n])];
        foreach ((string label, string value) in labels)
        {
            foreach (NamespacedName name in _byLabel[(ns, label, value)])
            {
                if (ObjectMeta.Matches(selector(_items[name]), labels)) found.Add(_items[name]);
            }
        }
        return found.OrderBy(i => i.Meta.FullName);
    }

    /// <summary>The objects that select a workload: mesh-wide ones first, then those of its namespace, each by name.</summary>
    public IEnumerable<T> InScope(ObjectMeta workload)
    {
        IEnumerable<T> meshWide = Find(Names.RootNamespace, workload.Labels);
        return workload.Namespace == Names.RootNamespace ? meshWide : meshWide.Concat(Find(workload.Namespace, workload.Labels));
    }

    private (string Namespace, string Label, string Value) First(T item)
    {
        (string label, string value) = selector(item).First();
        return (item.Meta.Namespace, label, value);
    }
}
