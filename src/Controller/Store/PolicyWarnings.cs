using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Finds policies that are valid and in force and, likely, do not what they were meant to do. Pure.</summary>
internal static class PolicyWarnings
{
    /// <summary>The warnings of an authorization policy.</summary>
    /// <param name="policy">It.</param>
    /// <param name="selectsSome">Whether it selects a workload that is in the mesh.</param>
    /// <param name="trustDomain">The mesh's trust domain.</param>
    /// <param name="federated">The trust domains that it is federated with.</param>
    /// <param name="authorizers">The mesh's external authorizers.</param>
    public static IEnumerable<SourceError> Of(AuthorizationPolicyObject policy, bool selectsSome, string trustDomain, ImmutableHashSet<string> federated, EquatableArray<ExternalAuthorizer> authorizers)
    {
        if (policy.Policy.Action == PolicyAction.Custom && authorizers.All(a => a.Name != policy.Policy.Authorizer))
            yield return SourceWarning.About(policy, $"'{policy.Policy.Authorizer}' is no external authorizer of the MeshConfig: it denies all requests that it matches", "spec", "provider", "name");
        if (policy.Policy.Rules.IsEmpty) yield return SourceWarning.About(policy, WithoutRules(policy.Policy.Action), "spec", "rules");
        foreach (SourceError foreign in ForeignIdentities(policy, trustDomain, federated)) yield return foreign;
        if (!selectsSome) yield return SelectsNothing(policy, policy.Selector);
    }

    /// <summary>The warnings of a peer authentication.</summary>
    /// <param name="mode">It.</param>
    /// <param name="selectsSome">Whether it selects a workload that is in the mesh.</param>
    /// <param name="covering">Those of its namespace that select all that it selects, itself among them.</param>
    public static IEnumerable<SourceError> Of(PeerAuthenticationObject mode, bool selectsSome, IEnumerable<PeerAuthenticationObject> covering)
    {
        if (!selectsSome) yield return SelectsNothing(mode, mode.Selector);

        // One for a whole namespace counts after those that select.
        if (covering.FirstOrDefault(c => c.Mode > mode.Mode && c.Selector.IsEmpty == mode.Selector.IsEmpty) is { } stricter)
            yield return SourceWarning.About(mode, $"has no effect: {stricter.Key} says STRICT of all that this one selects, and of two the stricter counts", "spec", "mtls", "mode");
    }

    /// <summary>The warnings of a request authentication.</summary>
    /// <param name="authentication">It.</param>
    /// <param name="selectsSome">Whether it selects a workload that is in the mesh.</param>
    public static IEnumerable<SourceError> Of(RequestAuthenticationObject authentication, bool selectsSome)
    {
        if (!selectsSome) yield return SelectsNothing(authentication, authentication.Selector);
    }

    /// <summary>The warnings of a limit of rates that has a selector.</summary>
    /// <param name="limit">It.</param>
    /// <param name="selectsSome">Whether it selects a workload that is in the mesh.</param>
    public static IEnumerable<SourceError> Of(RateLimitObject limit, bool selectsSome)
    {
        if (!selectsSome) yield return SelectsNothing(limit, limit.Selector);
    }

    private static string WithoutRules(PolicyAction action) => action switch
    {
        PolicyAction.Allow => "has no rule, so it allows nothing: what it selects takes only connections that another ALLOW policy allows",
        PolicyAction.Deny => "has no rule, so it refuses nothing; to refuse everything write 'rules: [{}]'",
        _ => "has no rule, so it matches nothing",
    };

    private static SourceError SelectsNothing(MeshObject policy, ImmutableSortedDictionary<string, string> selector)
    {
        string where = policy.Meta.Namespace == Names.RootNamespace ? "the mesh" : $"namespace {policy.Meta.Namespace}";
        string what = selector.IsEmpty ? $"there is no enrolled workload in {where}" : $"no enrolled workload in {where} has the labels {string.Join(", ", selector.Select(l => $"{l.Key}={l.Value}"))}";
        return SourceWarning.About(policy, $"selects nothing: {what}", "spec", "selector");
    }

    private static IEnumerable<SourceError> ForeignIdentities(AuthorizationPolicyObject policy, string trustDomain, ImmutableHashSet<string> federated)
    {
        for (int rule = 0; rule < policy.Policy.Rules.Count; rule++)
        {
            for (int from = 0; from < policy.Policy.Rules[rule].From.Count; from++)
            {
                PolicySource source = policy.Policy.Rules[rule].From[from];
                foreach ((string field, EquatableArray<StringPattern> patterns) in new[] { ("identities", source.Identities), ("notIdentities", source.NotIdentities) })
                {
                    for (int i = 0; i < patterns.Count; i++)
                    {
                        if (!IsForeign(patterns[i].Text, trustDomain)) continue;
                        StringPattern pattern = patterns[i];
                        if (federated.FirstOrDefault(d => !IsForeign(pattern.Text, d)) is { } abroad)
                        {
                            if (policy.Policy.Action == PolicyAction.Allow && field == "identities" && !federated.Any(d => PolicyEvaluator.Names(pattern, d)))
                                yield return SourceWarning.About(policy, $"'{pattern.Text}' allows nobody: of another trust domain than this mesh those are allowed whose trust domain a rule names whole, as '{SpiffeId.SchemePrefix}{abroad}/*' does", "spec", "rules", rule, "from", from, field, i);
                            continue;
                        }
                        string others = federated.IsEmpty ? "" : $" and federated with {string.Join(", ", federated.Order(StringComparer.Ordinal))}";
                        yield return SourceWarning.About(policy, $"'{patterns[i].Text}' is of another trust domain than this mesh, which is '{trustDomain}'{others}: no identity of the mesh matches it",
                            "spec", "rules", rule, "from", from, field, i);
                    }
                }
            }
        }
    }

    /// <summary>Whether no identity of the trust domain can match a pattern; those that begin with <c>*</c> leave the trust domain open.</summary>
    private static bool IsForeign(string pattern, string trustDomain)
    {
        string own = $"{SpiffeId.SchemePrefix}{trustDomain}/";
        if (pattern[0] == '*') return false;
        return pattern[^1] == '*'
            ? !pattern.StartsWith(own, StringComparison.Ordinal) && !own.StartsWith(pattern[..^1], StringComparison.Ordinal)
            : !pattern.StartsWith(own, StringComparison.Ordinal);
    }
}
