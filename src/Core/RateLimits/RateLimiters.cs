using System.Collections.Frozen;

namespace Culvert.Core;

/// <summary>
/// The counts of all limits of this node's workloads. Those of a rule that a snapshot and the one before have, for the same workload, go on. Immutable, but for what is counted; may be used by many threads.
/// </summary>
public sealed class RateLimiters
{
    // A rule that counts by values may have as many buckets as is its part of these, of each workload.
    private const int MostOfAWorkload = 4096;

    // By the policy, and then one after the other: a rule may have thousands of values, which a hash of it would go through.
    private readonly FrozenDictionary<(string Uid, NamespacedName Policy), (PolicyRule Rule, RateLimiter Limiter)[]> _all;

    /// <summary>Finds the limits of a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="previous">The counts of before; null: there are none.</param>
    public RateLimiters(NodeSnapshot snapshot, RateLimiters? previous)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        Dictionary<(string, NamespacedName), (PolicyRule, RateLimiter)[]> all = [];
        foreach (WorkloadInfo workload in snapshot.LocalWorkloads())
        {
            List<RateLimiter> byValue = [];
            foreach (NamespacedName name in workload.PolicyNames)
            {
                if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy) || policy.Action != PolicyAction.Limit) continue;
                List<(PolicyRule Rule, RateLimiter Limiter)> limiters = [];
                foreach (PolicyRule rule in policy.Rules)
                {
                    if (rule.Limit is not { } limit) continue;
                    RateLimiter limiter = previous?.Find(workload.Uid, name, rule, limiters.Count) ?? new RateLimiter(limit);
                    limiters.Add((rule, limiter));
                    if (limit.By != RateLimitBy.All) byValue.Add(limiter);
                }

                all.TryAdd((workload.Uid, name), [.. limiters]);
            }

            foreach (RateLimiter limiter in byValue) limiter.Most = Math.Clamp(MostOfAWorkload / byValue.Count, 1, RateLimiter.MostBuckets);
        }

        _all = all.ToFrozenDictionary();
    }

    /// <summary>None.</summary>
    public static RateLimiters None { get; } = new(new NodeSnapshot(), previous: null);

    /// <summary>How many there are.</summary>
    public int Count => _all.Values.Sum(of => of.Length);

    /// <summary>The count of a rule; null: it is none of a workload of this node.</summary>
    /// <param name="uid">The workload.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="near">Where it probably is among those of the policy that are limits.</param>
    public RateLimiter? Find(string uid, NamespacedName policy, PolicyRule rule, int near = 0)
    {
        if (!_all.TryGetValue((uid, policy), out (PolicyRule Rule, RateLimiter Limiter)[]? limiters)) return null;
        if (near < limiters.Length && limiters[near].Rule == rule) return limiters[near].Limiter;
        return Array.Find(limiters, l => l.Rule == rule).Limiter;
    }
}
