using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of NetworkPolicies whose blocks of addresses don't count, because their namespace names too many. Not thread-safe.</summary>
internal sealed class BlockWarnings
{
    private readonly BlockCount _blocks = new();
    private readonly SortedDictionary<NamespacedName, SourceError> _warnings = [];

    /// <summary>All of them, by policy.</summary>
    public IEnumerable<SourceError> All => _warnings.Values;

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IEnumerable<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<NamespacedName> dirty = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            if ((old ?? now) is NetworkPolicyObject) dirty.UnionWith(_blocks.Replace(old as NetworkPolicyObject, now as NetworkPolicyObject));
        }
        foreach (NamespacedName name in dirty)
        {
            if (_blocks.IsTooMany(name.Namespace) && find(new(ObjectKind.NetworkPolicy, name.Namespace, name.Name)) is NetworkPolicyObject policy && BlockCount.Of(policy) > 0)
                _warnings[name] = SourceWarning.About(policy, $"its ipBlocks allow nothing: the NetworkPolicies of namespace {name.Namespace} name more than {BlockCount.Most} blocks of addresses", "spec");
            else _warnings.Remove(name);
        }
    }
}
