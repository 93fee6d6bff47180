namespace Culvert.Core;

/// <summary>
/// What is left of policy for the requests of one connection, once all is decided that does not depend on them: the rules that its source and port meet, with their conditions on requests. Says of each request what
/// <see cref="PolicyEvaluator.Evaluate(NodeSnapshot, in ConnectionRequest, in RequestHead)"/> says of it, but for AUDIT rules without such conditions, which the connection itself has met. Immutable; may be used by many threads.
/// </summary>
public sealed class RequestRules : IEquatable<RequestRules>
{
    private readonly Rule[] _deny;
    private readonly Rule[] _allow;
    private readonly Rule[] _audit;
    private readonly Rule[] _custom;
    private readonly EquatableArray<string> _authorizersHeaders;
    private readonly HeaderNames? _authorizersHeaderNames;
    private readonly Decision _otherwise;

    private RequestRules(Rule[] deny, Rule[] allow, Rule[] audit, Rule[] custom, EquatableArray<string> authorizersHeaders, in Decision otherwise, RequestAuthenticator? authentication, RequestLimits? limits)
    {
        (_deny, _allow, _audit, _custom, _otherwise, Authentication, Limits) = (deny, allow, audit, custom, otherwise, authentication, limits);
        _authorizersHeaders = authorizersHeaders;
        _authorizersHeaderNames = authorizersHeaders.IsEmpty ? null : new HeaderNames(authorizersHeaders);
        AsksAboutPath = limits is { AsksAboutPath: true } || custom.Length > 0 || deny.Concat(allow).Concat(audit).SelectMany(r => r.Conditions).Any(c => c.AsksAboutPath);
    }

    /// <summary>Says which tokens are good, before the rules are asked; null: nobody looks for any.</summary>
    public RequestAuthenticator? Authentication { get; }

    /// <summary>Whether any of them asks for the path, which has to be normalised then, also for the server.</summary>
    public bool AsksAboutPath { get; }

    /// <summary>The value of <c>x-forwarded-client-cert</c> that they go on with, in place of any that their client has sent; empty: without one, as the client has proven no identity; null: that header is the client's.</summary>
    public string? ClientCert { get; private init; }

    /// <summary>What limits their rate; null: nothing.</summary>
    public RequestLimits? Limits { get; }

    /// <summary>Whether it depends on a request whether it is allowed, so far as this node decides. Otherwise there are <see cref="Limits"/> only, and authorizers.</summary>
    public bool AsksWhetherAllowed => Authentication is not null || Conditional.Any();

    /// <summary>Whether some requests have to be allowed by an external authorizer.</summary>
    public bool HasAuthorizers => _custom.Length > 0;

    /// <summary>Whether external authorizers set some headers, which clients must not.</summary>
    public bool HasAuthorizersHeaders => _authorizersHeaderNames is not null;

    /// <summary>Whether a header, by its name in lower case, is for external authorizers to set: clients' are removed, also of requests about which nobody is asked.</summary>
    public bool IsAuthorizersHeader(ReadOnlySpan<byte> name) => _authorizersHeaderNames?.Has(name) == true;

    /// <summary>The rules by which external authorizers are asked, for people.</summary>
    public IEnumerable<AuthorizerRule> Authorizers => _custom.Select(r => r.Authorizer!);

    /// <summary>The rules with conditions on requests, in the order in which they are asked, for people.</summary>
    public IEnumerable<(PolicyReference Policy, int RuleIndex)> Conditional => _deny.Concat(_allow).Concat(_audit).Where(r => r.IsConditional).Select(r => (r.Policy, r.Index));

    /// <summary>Finds out what is left.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="connection">A connection that is allowed, and whose requests are read.</param>
    /// <param name="limiters">The counts of limits; null: nothing is limited.</param>
    /// <returns>Null when nothing depends on its requests.</returns>
    public static RequestRules? Of(NodeSnapshot snapshot, in ConnectionRequest connection, RateLimiters? limiters = null)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        List<Rule> deny = [], allow = [], audit = [], custom = [];
        bool anyAllowPolicy = false, anyConditions = false;
        foreach (NamespacedName name in connection.Destination.PolicyNames)
        {
            if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy)) continue; // the connection would not be allowed
            if (policy.Action == PolicyAction.Limit) continue;
            anyAllowPolicy |= policy.Action == PolicyAction.Allow;
            List<Rule> rules = RulesOf(policy, snapshot, connection);
            if (policy.Action == PolicyAction.Custom)
            {
                custom.AddRange(rules);
                continue;
            }

            anyConditions |= rules.Any(r => r.IsConditional);
            if (policy.Action == PolicyAction.Deny) deny.AddRange(rules);
            else if (policy.Action == PolicyAction.Allow) allow.AddRange(rules);
            else if (rules.All(r => r.IsConditional)) audit.AddRange(rules); // one without conditions was met, and told of, when the connection was opened
        }

        RequestAuthenticator? authentication = RequestAuthenticator.Of(snapshot, connection.Destination);
        RequestLimits? limits = limiters is null ? null : RequestLimits.Of(snapshot, connection, limiters);
        string? clientCert = ClientCertOf(snapshot, connection);
        EquatableArray<string> headers = AuthorizersHeadersOf(snapshot, connection);
        if (!anyConditions && custom.Count == 0 && headers.IsEmpty && authentication is null && limits is null && clientCert is null) return null;
        return new RequestRules([.. deny], [.. allow], [.. audit], [.. custom], headers, PolicyEvaluator.Fallback(snapshot.Mesh, anyAllowPolicy, connection.ProvenIdentity), authentication, limits) { ClientCert = clientCert };
    }

    /// <summary>Whether they say the same of every request, be it by other keys.</summary>
    public bool Equals(RequestRules? other) =>
        other is not null && (ReferenceEquals(this, other) || (_otherwise == other._otherwise && ClientCert == other.ClientCert && _authorizersHeaders == other._authorizersHeaders && Equals(Authentication, other.Authentication) && Equals(Limits, other.Limits) && _deny.SequenceEqual(other._deny) && _allow.SequenceEqual(other._allow) && _audit.SequenceEqual(other._audit) && _custom.SequenceEqual(other._custom)));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RequestRules);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_deny.Length, _allow.Length, _audit.Length, _otherwise);

    /// <summary>Decides about a request. Allocates nothing, but for AUDIT rules that match.</summary>
    public Decision Decide(in RequestHead request)
    {
        Decision decision = Find(_deny, request, PolicyAction.Deny) ?? Find(_allow, request, PolicyAction.Allow) ?? _otherwise;
        return _audit.Length > 0 && AuditsOf(request) is { Count: > 0 } audits ? decision with { AuditPolicies = [.. audits] } : decision;
    }

    /// <summary>Finds whom to ask about a request that is allowed otherwise: all of them have to allow it. Allocates nothing where nobody is asked.</summary>
    /// <returns>The first rule of each policy that the request meets; null: nobody is asked.</returns>
    public IReadOnlyList<AuthorizerRule>? AuthorizersOf(in RequestHead request)
    {
        List<AuthorizerRule>? found = null;
        foreach (Rule rule in _custom)
        {
            if ((found is null || found[^1].Policy != rule.Authorizer!.Policy) && rule.Matches(request, PolicyAction.Custom)) (found ??= []).Add(rule.Authorizer!);
        }

        return found;
    }

    private static Decision? Find(Rule[] rules, in RequestHead request, PolicyAction action)
    {
        foreach (Rule rule in rules)
        {
            if (rule.Matches(request, action)) return rule.Decision!.Value;
        }

        return null;
    }

    private List<PolicyReference>? AuditsOf(in RequestHead request)
    {
        List<PolicyReference>? found = null;
        foreach (Rule rule in _audit)
        {
            if (found?.Contains(rule.Policy) != true && rule.Matches(request, PolicyAction.Audit)) (found ??= []).Add(rule.Policy);
        }

        return found;
    }

    /// <summary>Whether the source and port of a connection meet a rule.</summary>
    /// <param name="policy">Its policy.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="trustDomain">The mesh's trust domain.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="conditions">Of which its requests have to meet one then; none: every request does.</param>
    /// <param name="tokens">Of which their tokens have to meet one; none: they need not.</param>
    internal static bool TryMatch(PolicyInfo policy, PolicyRule rule, string trustDomain, in ConnectionRequest connection, out EquatableArray<RequestConditions> conditions, out EquatableArray<TokenConditions> tokens)
    {
        (conditions, tokens) = ([], []);
        IpPrefix source = IpPrefix.Host(connection.SourceAddress);
        SpiffeId? identity = connection.ProvenIdentity;
        PolicySource[] sources = [.. rule.From.Where(s => PolicyEvaluator.Matches(s, policy.Action, trustDomain, identity, source))];
        if (sources.Length == 0 && !PolicyEvaluator.TakesAnybody(rule, policy.Action, trustDomain, identity)) return false;
        bool isAnybody = rule.From.IsEmpty || sources.Any(s => s.Token is null);
        if (!isAnybody) tokens = sources.Select(s => s.Token!).ToEquatableArray();
        (ushort port, TransportProtocol protocol) = (connection.Port, connection.Protocol);
        PolicyDestination[] destinations = [.. rule.To.Where(t => PolicyEvaluator.MatchesPort(t, port, protocol))];
        if (destinations.Length == 0 && !rule.To.IsEmpty) return false;
        bool isOpen = rule.To.IsEmpty || destinations.Any(t => t.Request is null);
        if (!isOpen) conditions = destinations.Select(t => t.Request!).ToEquatableArray();
        return true;
    }

    private static List<Rule> RulesOf(PolicyInfo policy, NodeSnapshot snapshot, in ConnectionRequest connection)
    {
        List<Rule> found = [];
        for (int i = 0; i < policy.Rules.Count; i++)
        {
            PolicyRule rule = policy.Rules[i];
            if (!TryMatch(policy, rule, snapshot.Mesh.TrustDomain, connection, out EquatableArray<RequestConditions> conditions, out EquatableArray<TokenConditions> tokens)) continue;
            Decision? decision = policy.Action switch
            {
                PolicyAction.Deny => new Decision(Verdict.Deny, DecisionReason.DeniedByPolicy, policy.Name, i),
                PolicyAction.Allow => new Decision(Verdict.Allow, DecisionReason.AllowedByPolicy, policy.Name, i),
                _ => null,
            };
            found.Add(new Rule(policy.Name, i, decision, conditions, tokens, rule.When) { Authorizer = policy.Action == PolicyAction.Custom ? AuthorizerOf(policy, i, snapshot, connection) : null });
        }

        return found;
    }

    // Of whomever the connection is: about others the authorizer is asked, whose headers the application believes.
    private static EquatableArray<string> AuthorizersHeadersOf(NodeSnapshot snapshot, in ConnectionRequest connection)
    {
        SortedSet<string>? headers = null;
        foreach (NamespacedName name in connection.Destination.PolicyNames)
        {
            if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy) || policy.Action != PolicyAction.Custom || !IsAbout(policy, connection.Port, connection.Protocol)) continue;
            foreach (ExternalAuthorizer authorizer in snapshot.Mesh.ExternalAuthorizers)
            {
                if (authorizer.Name == policy.Authorizer) (headers ??= new(StringComparer.Ordinal)).UnionWith(authorizer.UpstreamHeaders);
            }
        }

        return headers?.ToEquatableArray() ?? [];
    }

    private static bool IsAbout(PolicyInfo policy, ushort port, TransportProtocol protocol) =>
        policy.Rules.Any(r => r.To.IsEmpty || r.To.Any(t => PolicyEvaluator.MatchesPort(t, port, protocol)));

    // As Envoy has it. Paths of SPIFFE IDs have none of the characters that would have to be quoted.
    private static string? ClientCertOf(NodeSnapshot snapshot, in ConnectionRequest connection)
    {
        if (snapshot.Mesh.ForwardClientCert == ForwardClientCert.Off) return null;
        return connection.ProvenIdentity is { } client ? $"By={connection.Destination.Identity};URI={client}" : "";
    }

    private static AuthorizerRule AuthorizerOf(PolicyInfo policy, int rule, NodeSnapshot snapshot, in ConnectionRequest connection)
    {
        ExternalAuthorizer? authorizer = snapshot.Mesh.ExternalAuthorizers.FirstOrDefault(a => a.Name == policy.Authorizer);
        return new AuthorizerRule(policy.Name, rule, policy.Authorizer, authorizer, IsAuthorizers(snapshot, connection));
    }

    /// <summary>Whether a connection leads to an external authorizer of the mesh.</summary>
    internal static bool IsAuthorizers(NodeSnapshot snapshot, in ConnectionRequest connection)
    {
        foreach (ExternalAuthorizer authorizer in snapshot.Mesh.ExternalAuthorizers)
        {
            if (LeadsTo(snapshot, authorizer, connection)) return true;
        }

        return false;
    }

    private static bool LeadsTo(NodeSnapshot snapshot, ExternalAuthorizer authorizer, in ConnectionRequest connection)
    {
        if (!snapshot.Services.TryGetValue(authorizer.Service, out ServiceInfo? service)) return false;
        foreach (ServicePort port in service.Ports)
        {
            if (port.Port != authorizer.Port) continue;
            foreach (ServiceBackend backend in port.Backends)
            {
                if (backend.Port == connection.Port && connection.Destination.Addresses.AsSpan().Contains(backend.Address)) return true;
            }
        }

        return false;
    }

    /// <summary>A rule that source and port meet.</summary>
    /// <param name="Policy">Its policy.</param>
    /// <param name="Index">Which it is of that.</param>
    /// <param name="Decision">What it comes to when a request meets it too; null: it is reported only.</param>
    /// <param name="Conditions">Of which the request has to meet one; none: every request does.</param>
    /// <param name="Tokens">Of which the request's token has to meet one; none: it need not.</param>
    /// <param name="When">All of which its claims have to meet.</param>
    private sealed record Rule(PolicyReference Policy, int Index, Decision? Decision, EquatableArray<RequestConditions> Conditions, EquatableArray<TokenConditions> Tokens, EquatableArray<ClaimCondition> When)
    {
        /// <summary>Who is asked about what meets it; of CUSTOM only.</summary>
        internal AuthorizerRule? Authorizer { get; init; }

        internal bool IsConditional => !Conditions.IsEmpty || !Tokens.IsEmpty || !When.IsEmpty;

        internal bool Matches(in RequestHead request, PolicyAction action) => MatchesRequest(request, action) && MatchesToken(request.Token, action);

        private bool MatchesToken(JwtClaims? token, PolicyAction action)
        {
            foreach (ClaimCondition condition in When)
            {
                if (!condition.Match(token, action)) return false;
            }

            foreach (TokenConditions conditions in Tokens)
            {
                if (conditions.Match(token, action)) return true;
            }

            return Tokens.IsEmpty;
        }

        private bool MatchesRequest(in RequestHead request, PolicyAction action)
        {
            foreach (RequestConditions conditions in Conditions)
            {
                if (conditions.Match(request, action)) return true;
            }

            return Conditions.IsEmpty;
        }
    }
}
