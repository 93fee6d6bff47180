using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Counts by namespace something that objects ask for and of which there is a certain amount: of a namespace that asks for too much none counts. Not thread-safe.</summary>
/// <param name="shares">What there is of it.</param>
/// <param name="of">How much an object asks for.</param>
internal sealed class NamespaceLimit<T>(NamespaceShares shares, Func<T, int> of)
    where T : MeshObject
{
    private readonly MultiMap<string, NamespacedName> _asking = new();

    /// <summary>Whether a namespace asks for too much.</summary>
    public bool IsOver(string ns) => shares.IsOver(ns);

    /// <summary>How much an object asks for; null: there is none.</summary>
    public int Of(T? one) => one is null ? 0 : of(one);

    /// <summary>Puts an object in the place of another.</summary>
    /// <returns>The objects that ask for some and of which something else is to be said now, because their namespace has come to be over, or no longer is.</returns>
    public IReadOnlyCollection<NamespacedName> Replace(T? before, T? after)
    {
        (int had, int has) = (Of(before), Of(after));
        if (had == 0 && has == 0) return [];
        NamespacedName name = (before ?? after)!.Meta.FullName;
        if (has == 0) _asking.Remove(name.Namespace, name);
        else _asking.Add(name.Namespace, name);
        return [.. shares.Change(name.Namespace, has - had).SelectMany(ns => _asking[ns])];
    }
}
