using System.Collections.Immutable;
using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Finds policies that are valid and in force and, likely, do not what they were meant to do. Pure.</summary>
internal static class PolicyWarnings
{
    /// <summary>The warnings of a set, in no order.</summary>
    public static IEnumerable<SourceError> Find(ObjectSet objects)
    {
        AuthorizationPolicyObject[] policies = [.. objects.OfKind<AuthorizationPolicyObject>()];
        PeerAuthenticationObject[] modes = [.. objects.OfKind<PeerAuthenticationObject>()];
        WorkloadObject[] enrolled = [.. objects.OfKind<WorkloadObject>().Where(w => IsEnrolled(w, objects))];
        HashSet<ObjectKey> selecting = [.. Selecting(policies, enrolled, p => p.Selector), .. Selecting(modes, enrolled, p => p.Selector)];
        foreach (AuthorizationPolicyObject policy in policies)
        {
            if (policy.Policy.Rules.IsEmpty) yield return SourceWarning.About(policy, WithoutRules(policy.Policy.Action), "spec", "rules");
            foreach (SourceError foreign in ForeignIdentities(policy, objects.Mesh.Settings.TrustDomain)) yield return foreign;
            if (!selecting.Contains(policy.Key)) yield return SelectsNothing(policy, policy.Selector);
        }
        foreach (PeerAuthenticationObject mode in modes.Where(m => !selecting.Contains(m.Key))) yield return SelectsNothing(mode, mode.Selector);
    }

    /// <summary>Whether a workload is in the mesh.</summary>
    public static bool IsEnrolled(WorkloadObject workload, ObjectSet objects) =>
        workload.IsEnrolled(objects.Objects.GetValueOrDefault(new(ObjectKind.Namespace, "", workload.Meta.Namespace)) as NamespaceObject);

    private static IEnumerable<ObjectKey> Selecting<T>(T[] objects, WorkloadObject[] workloads, Func<T, ImmutableSortedDictionary<string, string>> selector)
        where T : MeshObject
    {
        SelectorIndex<T> index = new(selector);
        foreach (T one in objects) index.Add(one);
        return workloads.SelectMany(w => index.InScope(w.Meta)).Select(o => o.Key);
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

    private static IEnumerable<SourceError> ForeignIdentities(AuthorizationPolicyObject policy, string trustDomain)
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
                        yield return SourceWarning.About(policy, $"'{patterns[i].Text}' is of another trust domain than this mesh, which is '{trustDomain}': no identity of the mesh matches it",
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
