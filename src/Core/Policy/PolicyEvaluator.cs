using System.Net;

namespace Culvert.Core;

/// <summary>
/// The one definition of what policy means. Kernel maps and proxies are compiled from it and tested against it.
/// Pure; safe for any number of threads.
/// </summary>
/// <remarks>
/// Order: a destination outside the mesh is allowed; strict mTLS refuses the unauthenticated; any matching DENY refuses; when ALLOW
/// policies select the destination one must match; else the mesh's default action holds. AUDIT is reported besides.
/// Excluded ports and CIDRs are decided before policy and are not looked at here.
/// </remarks>
public static class PolicyEvaluator
{
    /// <summary>Decides about one connection.</summary>
    public static Decision Evaluate(NodeSnapshot snapshot, in ConnectionRequest request)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        return Evaluate(snapshot, request.Destination, request.ProvenIdentity, IpPrefix.Host(request.SourceAddress), request.Port);
    }

    /// <summary>The index of the first rule of <paramref name="policy"/> that matches, or -1.</summary>
    public static int FindRule(PolicyInfo policy, string trustDomain, SpiffeId? provenIdentity, IPAddress sourceAddress, ushort port) =>
        FindRule(policy, trustDomain, provenIdentity, IpPrefix.Host(sourceAddress), port);

    /// <summary>Decides about all connections from a block of addresses at once; null stands for addresses that no policy names.</summary>
    internal static Decision Evaluate(NodeSnapshot snapshot, WorkloadInfo destination, SpiffeId? identity, IpPrefix? source, ushort port)
    {
        if (!destination.Enrolled) return new(Verdict.Allow, DecisionReason.NotEnrolled);
        Decision? denied = null, allowed = null;
        bool anyAllowPolicy = false;
        List<NamespacedName>? audits = null;
        foreach (NamespacedName name in destination.PolicyNames)
        {
            if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy))
            {
                denied ??= new(Verdict.Deny, DecisionReason.PolicyMissing, name);
                continue;
            }
            anyAllowPolicy |= policy.Action == PolicyAction.Allow;
            int rule = FindRule(policy, snapshot.Mesh.TrustDomain, identity, source, port);
            if (rule < 0) continue;
            if (policy.Action == PolicyAction.Deny) denied ??= new(Verdict.Deny, DecisionReason.DeniedByPolicy, name, rule);
            else if (policy.Action == PolicyAction.Allow) allowed ??= new(Verdict.Allow, DecisionReason.AllowedByPolicy, name, rule);
            else (audits ??= []).Add(name);
        }

        Decision decision = destination.MtlsMode == MtlsMode.Strict && identity is null
            ? new(Verdict.Deny, DecisionReason.StrictMtls)
            : denied ?? allowed ?? Fallback(snapshot.Mesh, anyAllowPolicy);
        return audits is null ? decision : decision with { AuditPolicies = [.. audits] };
    }

    private static int FindRule(PolicyInfo policy, string trustDomain, SpiffeId? identity, IpPrefix? source, ushort port)
    {
        for (int i = 0; i < policy.Rules.Count; i++)
        {
            if (MatchesSource(policy.Rules[i], policy.Action, trustDomain, identity, source) && MatchesPort(policy.Rules[i], port)) return i;
        }
        return -1;
    }

    /// <summary>Whether any source condition of the rule is met.</summary>
    internal static bool MatchesSource(PolicyRule rule, PolicyAction action, string trustDomain, SpiffeId? identity, IpPrefix? block)
    {
        foreach (PolicySource source in rule.From)
        {
            if (Matches(source, action, trustDomain, identity, block)) return true;
        }
        return rule.From.IsEmpty;
    }

    /// <summary>Whether any port condition of the rule is met.</summary>
    internal static bool MatchesPort(PolicyRule rule, ushort port)
    {
        foreach (PolicyDestination to in rule.To)
        {
            if ((to.Ports.IsEmpty || to.Ports.AsSpan().Contains(port)) && !to.NotPorts.AsSpan().Contains(port)) return true;
        }
        return rule.To.IsEmpty;
    }

    private static bool Matches(PolicySource source, PolicyAction action, string trustDomain, SpiffeId? identity, IpPrefix? block)
    {
        string? ns = identity is not null && identity.TrustDomain == trustDomain ? identity.Namespace : null;
        return MatchesName(source.Identities, source.NotIdentities, identity?.ToString(), action)
            && MatchesName(source.Namespaces, source.NotNamespaces, ns, action)
            && (source.IpBlocks.IsEmpty || AnyContains(source.IpBlocks, block))
            && !AnyContains(source.NotIpBlocks, block);
    }

    private static bool MatchesName(EquatableArray<StringPattern> any, EquatableArray<StringPattern> none, string? value, PolicyAction action)
    {
        if (value is null) return any.IsEmpty && (none.IsEmpty || action != PolicyAction.Allow);
        return (any.IsEmpty || AnyMatches(any, value)) && !AnyMatches(none, value);
    }

    private static bool AnyMatches(EquatableArray<StringPattern> patterns, string value)
    {
        foreach (StringPattern pattern in patterns)
        {
            if (pattern.Matches(value)) return true;
        }
        return false;
    }

    private static bool AnyContains(EquatableArray<IpPrefix> prefixes, IpPrefix? block)
    {
        if (block is not { } inner) return false;
        foreach (IpPrefix prefix in prefixes)
        {
            if (prefix.Contains(inner)) return true;
        }
        return false;
    }

    private static Decision Fallback(MeshSettings mesh, bool anyAllowPolicy)
    {
        if (anyAllowPolicy) return new(Verdict.Deny, DecisionReason.NoAllowMatched);
        return mesh.DefaultAction == DefaultAction.Allow
            ? new(Verdict.Allow, DecisionReason.AllowedByDefault)
            : new(Verdict.Deny, DecisionReason.DeniedByDefault);
    }
}
