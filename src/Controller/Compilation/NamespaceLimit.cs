using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Counts by namespace something that objects ask for and of which there is a certain amount: of a namespace that asks for too much none counts. Not thread-safe.</summary>
internal sealed class NamespaceLimit<T>
    where T : MeshObject
{
    private readonly MultiMap<string, NamespacedName> _asking = new();
    private readonly Dictionary<(string Namespace, string Name), int> _named = [];
    private readonly NamespaceShares _shares;
    private readonly Func<T, int> _of;
    private readonly Func<T, IEnumerable<string>>? _names;

    /// <summary>Of something that each object has of its own.</summary>
    /// <param name="shares">What there is of it.</param>
    /// <param name="of">How much an object asks for.</param>
    public NamespaceLimit(NamespaceShares shares, Func<T, int> of) => (_shares, _of) = (shares, of);

    /// <summary>Of something that objects name, and which counts once for a namespace, however many of its objects name it.</summary>
    /// <param name="shares">What there is of it.</param>
    /// <param name="names">What an object names.</param>
    public NamespaceLimit(NamespaceShares shares, Func<T, IEnumerable<string>> names)
        : this(shares, one => names(one).Distinct(StringComparer.Ordinal).Count()) => _names = names;

    /// <summary>Whether a namespace asks for too much.</summary>
    public bool IsOver(string ns) => _shares.IsOver(ns);

    /// <summary>How much an object asks for; null: there is none.</summary>
    public int Of(T? one) => one is null ? 0 : _of(one);

    /// <summary>Puts an object in the place of another.</summary>
    /// <returns>The objects that ask for some and of which something else is to be said now, because their namespace has come to be over, or no longer is.</returns>
    public IReadOnlyCollection<NamespacedName> Replace(T? before, T? after)
    {
        (int had, int has) = (Of(before), Of(after));
        if (had == 0 && has == 0) return [];
        NamespacedName name = (before ?? after)!.Meta.FullName;
        if (has == 0) _asking.Remove(name.Namespace, name);
        else _asking.Add(name.Namespace, name);
        int change = _names is null ? has - had : Name(name.Namespace, after, 1) - Name(name.Namespace, before, -1);
        return [.. _shares.Change(name.Namespace, change).SelectMany(ns => _asking[ns])];
    }

    // How many names this is the first object of, or the last.
    private int Name(string ns, T? one, int step)
    {
        int count = 0;
        foreach (string name in one is null ? [] : _names!(one).Distinct(StringComparer.Ordinal))
        {
            int before = _named.GetValueOrDefault((ns, name)), after = before + step;
            if (after == 0) _named.Remove((ns, name));
            else _named[(ns, name)] = after;
            if (before == 0 || after == 0) count++;
        }

        return count;
    }
}
