using System.Collections.Immutable;
using Culvert.Controller.Issuers;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Turns a RequestAuthentication as declared into what nodes look at tokens by. Pure.</summary>
internal static class RequestAuthenticationCompiler
{
    /// <summary>What nodes are told.</summary>
    /// <param name="declared">As declared.</param>
    /// <param name="counts">Whether there is room for it; otherwise it has no keys, so that no token is good.</param>
    /// <param name="readsKeys">Whether there is room to read its URLs; otherwise it has the keys only that it says itself.</param>
    /// <param name="keys">The keys that were read from URLs.</param>
    public static RequestAuthenticationInfo Compile(RequestAuthenticationObject declared, bool counts, bool readsKeys, ImmutableDictionary<string, IssuerKeySet> keys) => declared.Authentication with
    {
        Rules = declared.Authentication.Rules.Select(r => RuleOf(r, counts, readsKeys, keys)).ToEquatableArray(),
    };

    private static JwtRule RuleOf(JwtRule rule, bool counts, bool readsKeys, ImmutableDictionary<string, IssuerKeySet> keys)
    {
        if (!counts) return rule with { Keys = [], KeysUri = null };
        if (!readsKeys) return rule with { KeysUri = null };
        return rule.KeysUri is { } uri && keys.GetValueOrDefault(uri) is { } known ? rule with { UriKeys = known.Keys } : rule;
    }

    /// <summary>What is wrong with the URLs of one.</summary>
    public static IEnumerable<SourceError> ErrorsOf(RequestAuthenticationObject declared, ImmutableDictionary<string, IssuerKeySet> keys)
    {
        for (int i = 0; i < declared.Authentication.Rules.Count; i++)
        {
            JwtRule rule = declared.Authentication.Rules[i];
            if (rule.KeysUri is not { } uri || keys.GetValueOrDefault(uri) is not { Error: { } error } known) continue;
            string effect = !known.Keys.IsEmpty ? "its keys of before stay in force"
                : rule.Keys.IsEmpty ? $"requests with tokens of {rule.Issuer} are refused until its keys can be read, but at nodes that have keys of before"
                : $"tokens of {rule.Issuer} are taken by the keys of jwks, and by keys of before at nodes that have some";
            yield return SourceWarning.About(declared, $"the keys can't be read: {error}; {effect}", "spec", "jwtRules", i, "jwksUri");
        }
    }
}
