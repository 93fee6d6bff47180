using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>
/// Counts by namespace something that objects ask for and that takes room in the kernel of nodes, which is there for the whole mesh: of a namespace that asks for too much none counts, so that whoever may write its objects
/// is in nobody else's way. Not thread-safe.
/// </summary>
/// <param name="most">Most of a namespace.</param>
/// <param name="of">How much an object asks for.</param>
internal sealed class NamespaceLimit<T>(int most, Func<T, int> of)
    where T : MeshObject
{
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly MultiMap<string, NamespacedName> _asking = new();

    /// <summary>Whether a namespace asks for too much.</summary>
    public bool IsOver(string ns) => _counts.GetValueOrDefault(ns) > most;

    /// <summary>How much an object asks for; null: there is none.</summary>
    public int Of(T? one) => one is null ? 0 : of(one);

    /// <summary>Puts an object in the place of another.</summary>
    /// <returns>The objects that ask for some and of which something else is to be said now, because their namespace has come to be over, or no longer is.</returns>
    public IReadOnlyCollection<NamespacedName> Replace(T? before, T? after)
    {
        (int had, int has) = (Of(before), Of(after));
        if (had == 0 && has == 0) return [];
        NamespacedName name = (before ?? after)!.Meta.FullName;
        bool wasOver = IsOver(name.Namespace);
        int now = _counts.GetValueOrDefault(name.Namespace) - had + has;
        if (now == 0) _counts.Remove(name.Namespace);
        else _counts[name.Namespace] = now;
        if (has == 0) _asking.Remove(name.Namespace, name);
        else _asking.Add(name.Namespace, name);
        return wasOver == IsOver(name.Namespace) ? [] : [.. _asking[name.Namespace]];
    }
}
