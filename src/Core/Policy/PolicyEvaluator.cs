using System.Net;

namespace Culvert.Core;

/// <summary>
/// The one definition of what policy means. Kernel maps and proxies are compiled from it and tested against it.
/// Pure; safe for any number of threads.
/// </summary>
/// <remarks>
/// Order at the destination: one outside the mesh is allowed; strict mTLS refuses the unauthenticated; NetworkPolicies that isolate it refuse what none of them allows; any matching
/// DENY refuses; when ALLOW policies select it one must match; else the mesh's default action holds. Identities of other trust domains are allowed by nothing but ALLOW rules that name
/// theirs (<see cref="Names"/>): whatever else holds was said of the mesh, and of no one else. AUDIT is reported besides. CUSTOM refuses what nobody reads; of a request that
/// is allowed otherwise, <see cref="AuthorizersOf"/> says who has to be asked.
/// Conditions on requests are asked of each request where a connection is read (<see cref="RequestRules"/>).
/// At the source only NetworkPolicies have a say. Excluded ports and CIDRs are decided before policy and are not looked at here.
/// </remarks>
public static class PolicyEvaluator
{
    /// <summary>Decides whether a connection may come in at its destination.</summary>
    public static Decision Evaluate(NodeSnapshot snapshot, in ConnectionRequest request) => Evaluate(snapshot, request, request.IsRead ? RequestKnowledge.ToCome : RequestKnowledge.Unread);

    /// <summary>Decides about a request of HTTP that has come by a connection.</summary>
    public static Decision Evaluate(NodeSnapshot snapshot, in ConnectionRequest connection, in RequestHead request) => Evaluate(snapshot, connection, new RequestKnowledge(request));

    /// <summary>The rules of <see cref="PolicyAction.Custom"/> policies that a request meets, the first of each policy: each policy's authorizer has to allow it.</summary>
    public static IReadOnlyList<(NamespacedName Policy, int RuleIndex)> AuthorizersOf(NodeSnapshot snapshot, in ConnectionRequest connection, in RequestHead request)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        List<(NamespacedName, int)> found = [];
        foreach (NamespacedName name in connection.Destination.PolicyNames)
        {
            if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy) || policy.Action != PolicyAction.Custom) continue;
            int rule = FindRule(policy, snapshot.Mesh.TrustDomain, connection.ProvenIdentity, SourceOf(connection).Block, connection.Port, connection.Protocol, new RequestKnowledge(request));
            if (rule >= 0) found.Add((name, rule));
        }

        return found;
    }

    /// <summary>The rule of a NetworkPolicy that lets a connection in at its destination; null when none isolates that, or none lets it in.</summary>
    public static (PolicyReference Policy, int RuleIndex)? FindNetworkPolicy(NodeSnapshot snapshot, in ConnectionRequest request)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        NetworkPolicyOutcome outcome = OutcomeOf(snapshot, request, SourceOf(request));
        return outcome.Effect == NetworkPolicyEffect.Allowed ? (Reference(outcome), outcome.RuleIndex) : null;
    }

    /// <summary>
    /// Whether what is decided about a connection may depend on the address that it comes from: some rule about its identity and port asks for addresses, or a NetworkPolicy for pods or blocks. For those who know
    /// the identity alone; what a request says as its own address is not looked at.
    /// </summary>
    public static bool AsksForAddress(NodeSnapshot snapshot, in ConnectionRequest request)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        foreach (NamespacedName name in request.Destination.PolicyNames)
        {
            if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy) || policy.Action == PolicyAction.Limit) continue;
            foreach (PolicyRule rule in policy.Rules)
            {
                if (AsksForAddress(rule, policy.Action, snapshot.Mesh.TrustDomain, request)) return true;
            }
        }

        return NetworkPolicyEvaluator.AsksForPeer(snapshot, request.Destination, request.Port, request.Protocol);
    }

    private static bool AsksForAddress(PolicyRule rule, PolicyAction action, string trustDomain, in ConnectionRequest request)
    {
        (ushort port, TransportProtocol protocol, SpiffeId? identity) = (request.Port, request.Protocol, request.ProvenIdentity);
        return (rule.To.IsEmpty || rule.To.Any(t => MatchesPort(t, port, protocol)))
            && rule.From.Any(s => !(s.IpBlocks.IsEmpty && s.NotIpBlocks.IsEmpty) && Matches(s with { IpBlocks = [], NotIpBlocks = [] }, action, trustDomain, identity, block: null));
    }

    /// <summary>Decides whether a connection may go out of its source. The destination's own node decides besides whether it may come in there.</summary>
    public static Decision EvaluateEgress(NodeSnapshot snapshot, in EgressRequest request)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        if (request.Source.Addresses.AsSpan().Contains(request.DestinationAddress)) return new(Verdict.Allow, DecisionReason.AllowedByDefault);
        return EvaluateEgress(
            snapshot, request.Source, NetworkPolicyEvaluator.EvaluateEgress(snapshot, request.Source, PolicyPeer.Of(request.DestinationAddress, request.DestinationWorkload), request.Port, request.Protocol));
    }

    /// <summary>The index of the first rule of <paramref name="policy"/> that matches what nobody reads, or -1.</summary>
    public static int FindRule(PolicyInfo policy, string trustDomain, SpiffeId? provenIdentity, IPAddress sourceAddress, ushort port, TransportProtocol protocol) =>
        FindRule(policy, trustDomain, provenIdentity, IpPrefix.Host(sourceAddress), port, protocol, RequestKnowledge.Unread);

    /// <summary>Decides about all connections from a class of sources at once, which nobody reads.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="destination">The workload connected to.</param>
    /// <param name="identity">The proven identity.</param>
    /// <param name="source">The sources.</param>
    /// <param name="port">The destination port.</param>
    /// <param name="protocol">The transport protocol.</param>
    /// <param name="outcome">What NetworkPolicies say of it.</param>
    internal static Decision Evaluate(NodeSnapshot snapshot, WorkloadInfo destination, SpiffeId? identity, in PolicyPeer source, ushort port, TransportProtocol protocol, in NetworkPolicyOutcome outcome) =>
        Evaluate(snapshot, destination, identity, source, port, protocol, outcome, RequestKnowledge.Unread);

    private static Decision Evaluate(NodeSnapshot snapshot, in ConnectionRequest request, in RequestKnowledge knowledge)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        PolicyPeer source = SourceOf(request);
        return Evaluate(snapshot, request.Destination, request.ProvenIdentity, source, request.Port, request.Protocol, OutcomeOf(snapshot, request, source), knowledge);
    }

    private static Decision Evaluate(
        NodeSnapshot snapshot, WorkloadInfo destination, SpiffeId? identity, in PolicyPeer source, ushort port, TransportProtocol protocol, in NetworkPolicyOutcome outcome, in RequestKnowledge knowledge)
    {
        if (!destination.Enrolled) return new(Verdict.Allow, DecisionReason.NotEnrolled);
        Decision? denied = null, allowed = null;
        bool anyAllowPolicy = false;
        List<PolicyReference>? audits = null;
        foreach (NamespacedName name in destination.PolicyNames)
        {
            if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy))
            {
                denied ??= new(Verdict.Deny, DecisionReason.PolicyMissing, name);
                continue;
            }
            if (policy.Action == PolicyAction.Limit) continue; // allows and refuses no connection
            anyAllowPolicy |= policy.Action == PolicyAction.Allow;
            int rule = FindRule(policy, snapshot.Mesh.TrustDomain, identity, source.Block, port, protocol, knowledge);
            if (rule < 0) continue;
            if (policy.Action == PolicyAction.Deny || (policy.Action == PolicyAction.Custom && !knowledge.IsRead)) denied ??= new(Verdict.Deny, DecisionReason.DeniedByPolicy, name, rule);
            else if (policy.Action == PolicyAction.Custom) continue;
            else if (policy.Action == PolicyAction.Allow) allowed ??= new(Verdict.Allow, DecisionReason.AllowedByPolicy, name, rule);
            else (audits ??= []).Add(name);
        }
        Decision? isolated = null;
        if (!outcome.IsAllowed)
        {
            if (IsReportedOnly(snapshot, outcome)) (audits ??= []).Add(Reference(outcome));
            else isolated = Refuse(outcome, DecisionReason.NetworkPolicyIngress);
        }

        Decision decision = destination.MtlsMode == MtlsMode.Strict && identity is null
            ? new(Verdict.Deny, DecisionReason.StrictMtls)
            : isolated ?? denied ?? allowed ?? Fallback(snapshot.Mesh, anyAllowPolicy, identity);
        return audits is null ? decision : decision with { AuditPolicies = [.. audits] };
    }

    /// <summary>Decides by what NetworkPolicies say of what leaves a workload.</summary>
    internal static Decision EvaluateEgress(NodeSnapshot snapshot, WorkloadInfo source, in NetworkPolicyOutcome outcome)
    {
        if (!source.Enrolled) return new(Verdict.Allow, DecisionReason.NotEnrolled);
        if (outcome.Effect == NetworkPolicyEffect.Open) return new(Verdict.Allow, DecisionReason.AllowedByDefault);
        if (outcome.Effect == NetworkPolicyEffect.Allowed) return new(Verdict.Allow, DecisionReason.AllowedByPolicy, Reference(outcome), outcome.RuleIndex);
        return IsReportedOnly(snapshot, outcome)
            ? new(Verdict.Allow, DecisionReason.AllowedByDefault, AuditPolicies: [Reference(outcome)])
            : Refuse(outcome, DecisionReason.NetworkPolicyEgress);
    }

    private static PolicyPeer SourceOf(in ConnectionRequest request) => PolicyPeer.Of(request.SourceAddress, request.SourceWorkload);

    // What a workload sends to itself is nobody's to judge.
    private static NetworkPolicyOutcome OutcomeOf(NodeSnapshot snapshot, in ConnectionRequest request, in PolicyPeer source) =>
        !request.Destination.Enrolled || request.Destination.Addresses.AsSpan().Contains(request.SourceAddress)
            ? default
            : NetworkPolicyEvaluator.EvaluateIngress(snapshot, request.Destination, source, request.Port, request.Protocol);

    private static int FindRule(PolicyInfo policy, string trustDomain, SpiffeId? identity, IpPrefix? source, ushort port, TransportProtocol protocol, in RequestKnowledge knowledge)
    {
        for (int i = 0; i < policy.Rules.Count; i++)
        {
            PolicyRule rule = policy.Rules[i];
            if (MatchesSource(rule, policy.Action, trustDomain, identity, source, knowledge) && MatchesDestination(rule, policy.Action, port, protocol, knowledge) && knowledge.Meets(rule.When, policy.Action)) return i;
        }
        return -1;
    }

    /// <summary>Whether any source condition of the rule is met.</summary>
    internal static bool MatchesSource(PolicyRule rule, PolicyAction action, string trustDomain, SpiffeId? identity, IpPrefix? block, in RequestKnowledge knowledge)
    {
        foreach (PolicySource source in rule.From)
        {
            if (Matches(source, action, trustDomain, identity, block) && knowledge.Meets(source.Token, action)) return true;
        }
        return TakesAnybody(rule, action, trustDomain, identity);
    }

    /// <summary>Whether the rule has no condition on the source, and means this one.</summary>
    internal static bool TakesAnybody(PolicyRule rule, PolicyAction action, string trustDomain, SpiffeId? identity) => rule.From.IsEmpty && (action != PolicyAction.Allow || !IsForeign(identity, trustDomain));

    /// <summary>Whether an identity is of another trust domain than the mesh.</summary>
    internal static bool IsForeign(SpiffeId? identity, string trustDomain) => identity is not null && identity.TrustDomain != trustDomain;

    /// <summary>Whether a pattern names a trust domain, as <c>spiffe://example.org/*</c> does: one that ends in the midst of the name, or begins with <c>*</c>, is true of others as well.</summary>
    public static bool Names(StringPattern pattern, string trustDomain)
    {
        ArgumentNullException.ThrowIfNull(trustDomain);
        ReadOnlySpan<char> text = pattern.Text;
        return text.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal) && text[SpiffeId.SchemePrefix.Length..].StartsWith(trustDomain, StringComparison.Ordinal)
            && text.Length > SpiffeId.SchemePrefix.Length + trustDomain.Length && text[SpiffeId.SchemePrefix.Length + trustDomain.Length] == '/';
    }

    /// <summary>Whether a condition on the port is met, whatever is asked there.</summary>
    public static bool MatchesPort(PolicyDestination to, ushort port, TransportProtocol protocol)
    {
        ArgumentNullException.ThrowIfNull(to);
        return (to.Protocol is null || to.Protocol == protocol) && (to.Ports.IsEmpty || to.Ports.AsSpan().Contains(port)) && !to.NotPorts.AsSpan().Contains(port);
    }

    /// <summary>What holds when no rule has matched.</summary>
    internal static Decision Fallback(MeshSettings mesh, bool anyAllowPolicy, SpiffeId? identity)
    {
        if (anyAllowPolicy) return new(Verdict.Deny, DecisionReason.NoAllowMatched);
        return mesh.DefaultAction == DefaultAction.Allow && !IsForeign(identity, mesh.TrustDomain)
            ? new(Verdict.Allow, DecisionReason.AllowedByDefault)
            : new(Verdict.Deny, DecisionReason.DeniedByDefault);
    }

    private static bool MatchesDestination(PolicyRule rule, PolicyAction action, ushort port, TransportProtocol protocol, in RequestKnowledge knowledge)
    {
        foreach (PolicyDestination to in rule.To)
        {
            if (MatchesPort(to, port, protocol) && knowledge.Meets(to.Request, action)) return true;
        }
        return rule.To.IsEmpty;
    }

    /// <summary>Whether a source meets conditions, but for those on tokens.</summary>
    internal static bool Matches(PolicySource source, PolicyAction action, string trustDomain, SpiffeId? identity, IpPrefix? block)
    {
        bool isForeign = IsForeign(identity, trustDomain);
        string? ns = isForeign ? null : identity?.Namespace;
        return (action != PolicyAction.Allow || !isForeign || IsNamed(source.Identities, identity!))
            && MatchesName(source.Identities, source.NotIdentities, identity?.ToString(), action)
            && MatchesName(source.Namespaces, source.NotNamespaces, ns, action)
            && (source.IpBlocks.IsEmpty || AnyContains(source.IpBlocks, block))
            && !AnyContains(source.NotIpBlocks, block);
    }

    private static bool MatchesName(EquatableArray<StringPattern> any, EquatableArray<StringPattern> none, string? value, PolicyAction action)
    {
        if (value is null) return any.IsEmpty && (none.IsEmpty || action != PolicyAction.Allow);
        return (any.IsEmpty || AnyMatches(any, value)) && !AnyMatches(none, value);
    }

    private static bool IsNamed(EquatableArray<StringPattern> patterns, SpiffeId identity)
    {
        foreach (StringPattern pattern in patterns)
        {
            if (Names(pattern, identity.TrustDomain) && pattern.Matches(identity.ToString())) return true;
        }
        return false;
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

    private static PolicyReference Reference(in NetworkPolicyOutcome outcome) => new(outcome.Policy, PolicyKind.NetworkPolicy);

    private static bool IsReportedOnly(NodeSnapshot snapshot, in NetworkPolicyOutcome outcome) =>
        snapshot.Mesh.NetworkPolicy == NetworkPolicyMode.Report && outcome.Effect == NetworkPolicyEffect.Isolated;

    private static Decision Refuse(in NetworkPolicyOutcome outcome, DecisionReason isolated) =>
        new(Verdict.Deny, outcome.Effect == NetworkPolicyEffect.Missing ? DecisionReason.PolicyMissing : isolated, Reference(outcome));
}
