using System.Collections.Frozen;

namespace Culvert.Core;

/// <summary>
/// The counts of all limits of this node's workloads. Those of a rule that a snapshot and the one before have, for the same workload, go on. Immutable, but for what is counted; may be used by many threads.
/// </summary>
public sealed class RateLimiters
{
    // A rule that counts by values may have as many buckets as is its part of these, of each workload.
    private const int MostOfAWorkload = 4096;

    private readonly FrozenDictionary<(string Uid, NamespacedName Policy, PolicyRule Rule), RateLimiter> _all;

    /// <summary>Finds the limits of a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="previous">The counts of before; null: there are none.</param>
    public RateLimiters(NodeSnapshot snapshot, RateLimiters? previous)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        Dictionary<(string, NamespacedName, PolicyRule), RateLimiter> all = [];
        foreach (WorkloadInfo workload in snapshot.LocalWorkloads())
        {
            List<RateLimiter> byValue = [];
            foreach (NamespacedName name in workload.PolicyNames)
            {
                if (!snapshot.Policies.TryGetValue(name, out PolicyInfo? policy) || policy.Action != PolicyAction.Limit) continue;
                foreach (PolicyRule rule in policy.Rules)
                {
                    if (rule.Limit is not { } limit || all.ContainsKey((workload.Uid, name, rule))) continue;
                    RateLimiter limiter = previous?.Find(workload.Uid, name, rule) ?? new RateLimiter(limit);
                    all.Add((workload.Uid, name, rule), limiter);
                    if (limit.By != RateLimitBy.All) byValue.Add(limiter);
                }
            }

            foreach (RateLimiter limiter in byValue) limiter.Most = Math.Clamp(MostOfAWorkload / byValue.Count, 1, RateLimiter.MostBuckets);
        }

        _all = all.ToFrozenDictionary();
    }

    /// <summary>None.</summary>
    public static RateLimiters None { get; } = new(new NodeSnapshot(), previous: null);

    /// <summary>How many there are.</summary>
    public int Count => _all.Count;

    /// <summary>The count of a rule; null: it is none of a workload of this node.</summary>
    /// <param name="uid">The workload.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="rule">The rule.</param>
    public RateLimiter? Find(string uid, NamespacedName policy, PolicyRule rule) => _all.GetValueOrDefault((uid, policy, rule));
}
