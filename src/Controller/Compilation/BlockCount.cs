using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>
/// Counts the blocks of addresses that the NetworkPolicies of each namespace name. Nodes compare each block with each, and all of them take room in the kernel that is there for the whole mesh: of a namespace that names too
/// many none counts, so that whoever may write its policies is in nobody else's way. Not thread-safe.
/// </summary>
internal sealed class BlockCount
{
    /// <summary>Most blocks of a namespace, with the parts that are excepted.</summary>
    public const int Most = 4096;

    private readonly Dictionary<string, int> _blocks = new(StringComparer.Ordinal);
    private readonly MultiMap<string, NamespacedName> _policies = new();

    /// <summary>Whether the blocks of a namespace don't count.</summary>
    public bool IsTooMany(string ns) => _blocks.GetValueOrDefault(ns) > Most;

    /// <summary>Puts a policy in the place of another.</summary>
    /// <returns>The policies of which something else is to be said now, itself among them.</returns>
    public IReadOnlyCollection<NamespacedName> Replace(NetworkPolicyObject? before, NetworkPolicyObject? after)
    {
        NamespacedName name = (before ?? after)!.Meta.FullName;
        bool wasTooMany = IsTooMany(name.Namespace);
        int now = _blocks.GetValueOrDefault(name.Namespace) - Of(before) + Of(after);
        if (now == 0) _blocks.Remove(name.Namespace);
        else _blocks[name.Namespace] = now;
        if (after is null) _policies.Remove(name.Namespace, name);
        else _policies.Add(name.Namespace, name);
        return wasTooMany == IsTooMany(name.Namespace) ? [name] : [name, .. _policies[name.Namespace]];
    }

    /// <summary>The blocks of a policy.</summary>
    public static int Of(NetworkPolicyObject? policy) => policy?.Rules.SelectMany(r => r.Peers).Where(p => p.Block is not null).Sum(p => 1 + p.Except.Count) ?? 0;
}
