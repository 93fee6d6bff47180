using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of authorization policies that ask about tokens where no RequestAuthentication has them looked at. Not thread-safe.</summary>
internal sealed class TokenWarnings
{
    private readonly MultiMap<string, ObjectKey> _policies = new();
    private readonly MultiMap<string, ObjectKey> _authentications = new();
    private readonly WarningTable _warnings = new();

    /// <summary>All of them, by policy.</summary>
    public IEnumerable<SourceError> All => _warnings.All;

    /// <summary>Takes changes up.</summary>
    /// <param name="changes">Objects as they were and as they are.</param>
    /// <param name="find">An object that is in force now.</param>
    public void Update(IEnumerable<(MeshObject? Old, MeshObject? New)> changes, Func<ObjectKey, MeshObject?> find)
    {
        HashSet<ObjectKey> dirty = [];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            ObjectKey key = (old ?? now)!.Key;
            if (key.Kind == ObjectKind.RequestAuthentication)
            {
                if (old is not null) _authentications.Remove(key.Namespace, key);
                if (now is not null) _authentications.Add(key.Namespace, key);
                dirty.UnionWith(key.Namespace == Names.RootNamespace ? _policies.Values : _policies[key.Namespace]);
            }
            else if (key.Kind == ObjectKind.AuthorizationPolicy)
            {
                if (AsksAboutTokens(old)) _policies.Remove(key.Namespace, key);
                if (AsksAboutTokens(now)) _policies.Add(key.Namespace, key);
                dirty.Add(key);
            }
        }

        foreach (ObjectKey key in dirty) _warnings.Set(key, find(key) is AuthorizationPolicyObject policy && AsksAboutTokens(policy) ? Of(policy) : []);
    }

    private IEnumerable<SourceError> Of(AuthorizationPolicyObject policy)
    {
        string ns = policy.Meta.Namespace;

        // One in the root namespace is for whatever namespace has them looked at.
        if (ns == Names.RootNamespace ? _authentications.Any : _authentications[ns].Count + _authentications[Names.RootNamespace].Count > 0) yield break;
        string where = ns == Names.RootNamespace ? "" : $" in namespace {ns} or {Names.RootNamespace}";
        for (int rule = 0; rule < policy.Policy.Rules.Count; rule++)
        {
            if (policy.Policy.Rules[rule].AsksAboutTokens)
                yield return SourceWarning.About(policy, $"asks about tokens, and there is no RequestAuthentication{where} that says whose are good: requests are as without one", "spec", "rules", rule);
        }
    }

    private static bool AsksAboutTokens(MeshObject? one) => one is AuthorizationPolicyObject policy && policy.Policy.Rules.Any(r => r.AsksAboutTokens);
}
