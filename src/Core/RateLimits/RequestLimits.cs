using System.Text;

namespace Culvert.Core;

/// <summary>
/// The limits that the requests of one connection may meet: of each RateLimit that selects its destination the rules whose source and port it meets. A request counts for the first rule of each RateLimit that it
/// meets, and passes where all of these have room for it. Immutable, but for what is counted; may be used by many threads.
/// </summary>
public sealed class RequestLimits : IEquatable<RequestLimits>
{
    private readonly Limit[] _limits; // those of one policy together
    private readonly UInt128? _identity;

    private RequestLimits(Limit[] limits, SpiffeId? identity)
    {
        _limits = limits;
        _identity = identity is null ? null : RateLimiter.KeyOf(Encoding.UTF8.GetBytes(identity.ToString()));
        MayDelay = limits.Any(l => l.Limiter.Limit.LongestDelay > 0);
        HaveGlobal = limits.Any(l => l.Global is not null);
        AsksAboutPath = limits.SelectMany(l => l.Conditions).Any(c => c.AsksAboutPath) || limits.Any(l => l.Global?.Limit.Descriptors.Any(d => d.Entries.Any(e => e.From == RateLimitValue.Path)) == true);
    }

    /// <summary>Whether any of them depends on the path.</summary>
    public bool AsksAboutPath { get; }

    /// <summary>Whether any of them may have requests wait.</summary>
    public bool MayDelay { get; }

    /// <summary>Whether a service may have to be asked about requests that pass.</summary>
    public bool HaveGlobal { get; }

    /// <summary>The RateLimits and their rules, in the order in which they are asked, for people.</summary>
    public IEnumerable<(NamespacedName Policy, int RuleIndex, RateLimit Limit)> Rules => _limits.Select(l => (RateLimitNames.ObjectOf(l.Policy), l.Index, l.Limiter.Limit));

    /// <summary>Finds those of a connection.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="limiters">The counts.</param>
    /// <returns>Null when there are none.</returns>
    public static RequestLimits? Of(NodeSnapshot snapshot, in ConnectionRequest connection, RateLimiters limiters)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(limiters);
        List<Limit> limits = [];
        bool isAuthorizer = RequestRules.IsAuthorizers(snapshot, connection);
        foreach (NamespacedName name in connection.Destination.PolicyNames)
        {
            if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy) || policy.Action != PolicyAction.Limit) continue;
            for (int i = 0; i < policy.Rules.Count; i++)
            {
                PolicyRule rule = policy.Rules[i];
                if (limiters.Find(connection.Destination.Uid, name, rule, near: i) is not { } limiter) continue;
                if (RequestRules.TryMatch(policy, rule, snapshot.Mesh.TrustDomain, connection, out EquatableArray<RequestConditions> conditions, out EquatableArray<TokenConditions> tokens))
                    limits.Add(new Limit(name, i, limiter, conditions, tokens, isAuthorizer));
            }
        }

        return limits.Count == 0 ? null : new RequestLimits([.. limits], connection.ProvenIdentity);
    }

    /// <summary>Counts a request that is allowed. Allocates nothing, but where an identity or value is seen for the first time.</summary>
    /// <param name="request">The request.</param>
    /// <param name="now">The time, in nanoseconds from any beginning; 0 or more.</param>
    /// <param name="mayDelay">Whether there is room for one that waits; otherwise those pass only that need not.</param>
    /// <returns>Null when it may pass at once. Of several limits that have it wait the one that does so for the longest.</returns>
    public RateLimitExcess? Take(in RequestHead request, long now, bool mayDelay = true)
    {
        RateLimitExcess? longest = null;
        for (int i = NextOf(0, request); i < _limits.Length; i = NextOf(EndOf(i), request))
        {
            Limit limit = _limits[i];
            long wait = limit.Limiter.Take(KeyOf(limit.Limiter.Limit, request), now, out long delay, mayDelay, _identity);
            if (delay > (longest?.Wait ?? 0)) longest = new RateLimitExcess(limit.Policy, limit.Index, limit.Limiter, delay) { IsDelay = true };
            if (wait <= 0) continue;
            GiveBack(request, now, i);
            return new RateLimitExcess(limit.Policy, limit.Index, limit.Limiter, wait);
        }

        return longest;
    }

    /// <summary>Finds the services that are asked about a request that passes: of each RateLimit the first rule that it meets. Allocates nothing where nobody is asked.</summary>
    /// <returns>Null: nobody is.</returns>
    public IReadOnlyList<GlobalLimitRule>? GlobalOf(in RequestHead request)
    {
        List<GlobalLimitRule>? found = null;
        for (int i = NextOf(0, request); i < _limits.Length; i = NextOf(EndOf(i), request))
        {
            if (_limits[i].Global is { } global) (found ??= []).Add(global);
        }

        return found;
    }

    /// <summary>Whether they limit the same.</summary>
    public bool Equals(RequestLimits? other) => other is not null && (ReferenceEquals(this, other) || (_identity == other._identity && _limits.SequenceEqual(other._limits)));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RequestLimits);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_limits.Length, _identity);

    private void GiveBack(in RequestHead request, long now, int end)
    {
        for (int i = NextOf(0, request); i < end; i = NextOf(EndOf(i), request)) _limits[i].Limiter.GiveBack(KeyOf(_limits[i].Limiter.Limit, request), now, _identity);
    }

    private int NextOf(int index, in RequestHead request)
    {
        while (index < _limits.Length && !_limits[index].Matches(request)) index++;
        return index;
    }

    // Of one policy no further rule is asked.
    private int EndOf(int index)
    {
        NamespacedName policy = _limits[index].Policy;
        while (index < _limits.Length && _limits[index].Policy == policy) index++;
        return index;
    }

    private UInt128? KeyOf(RateLimit limit, in RequestHead request)
    {
        if (limit.By == RateLimitBy.Identity) return _identity;
        if (limit.By == RateLimitBy.All) return null;

        // A caller is known by its token, also where the server is not to get that; not by what it says beside it.
        if (request.HiddenName == limit.Header) return RateLimiter.KeyOf(request.HiddenValue);
        for (int i = 0; i < request.FieldCount; i++)
        {
            request.GetField(i, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);
            if (Ascii.Equals(name, limit.Header)) return RateLimiter.KeyOf(value);
        }

        return null;
    }

    /// <summary>A rule that source and port meet.</summary>
    /// <param name="Policy">Its policy, by the name that tells the kinds of RateLimits apart.</param>
    /// <param name="Index">Which it is of that.</param>
    /// <param name="Limiter">The count.</param>
    /// <param name="Conditions">Of which the request has to meet one; none: every request does.</param>
    /// <param name="Tokens">Of which its token has to meet one; none: it need not.</param>
    /// <param name="IsAuthorizer">Whether it is an external authorizer whose requests it limits.</param>
    private sealed record Limit(NamespacedName Policy, int Index, RateLimiter Limiter, EquatableArray<RequestConditions> Conditions, EquatableArray<TokenConditions> Tokens, bool IsAuthorizer)
    {
        // No service is asked about questions to an authorizer, which may itself be asked about questions to the service: the two would ask for ever.
        internal GlobalLimitRule? Global { get; } = !IsAuthorizer && Limiter.Limit.Global is { } global ? new GlobalLimitRule(Policy, Index, global, Limiter) : null;

        internal bool Matches(in RequestHead request) => MatchesRequest(request) && MatchesToken(request.Token);

        private bool MatchesToken(JwtClaims? token)
        {
            foreach (TokenConditions conditions in Tokens)
            {
                if (conditions.Match(token, PolicyAction.Limit)) return true;
            }

            return Tokens.IsEmpty;
        }

        private bool MatchesRequest(in RequestHead request)
        {
            foreach (RequestConditions conditions in Conditions)
            {
                if (conditions.Match(request, PolicyAction.Limit)) return true;
            }

            return Conditions.IsEmpty;
        }
    }
}
