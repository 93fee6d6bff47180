using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of objects of which something does not count, because their namespace asks for too much of it. Not thread-safe.</summary>
/// <param name="kind">The objects' kind.</param>
/// <param name="limit">What the namespaces ask for.</param>
/// <param name="warn">The warning about one.</param>
internal sealed class LimitWarnings<T>(ObjectKind kind, NamespaceLimit<T> limit, Func<T, SourceError> warn)
    where T : MeshObject
{
    private readonly SortedDictionary<NamespacedName, SourceError> _warnings = [];

    /// <summary>All of them, by object.</summary>
    public IEnumerable<SourceError> All => _warnings.Values;

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IEnumerable<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<NamespacedName> dirty = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            if ((old ?? now) is not T one || one.Kind != kind) continue;
            dirty.UnionWith(limit.Replace(old as T, now as T));
            if (limit.Of(now as T) > 0 || _warnings.ContainsKey(one.Meta.FullName)) dirty.Add(one.Meta.FullName);
        }
        foreach (NamespacedName name in dirty)
        {
            if (limit.IsOver(name.Namespace) && find(new(kind, name.Namespace, name.Name)) is T asking && limit.Of(asking) > 0) _warnings[name] = warn(asking);
            else _warnings.Remove(name);
        }
    }
}
