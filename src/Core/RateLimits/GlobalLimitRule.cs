namespace Culvert.Core;

/// <summary>A rule of a RateLimit that a request meets, and by which a service is asked about it.</summary>
/// <param name="Policy">The policy, by its name in the snapshot.</param>
/// <param name="RuleIndex">Which of its rules, from 0.</param>
/// <param name="Limit">Who is asked, and what.</param>
/// <param name="Limiter">Knows when a refusal is news (<see cref="RateLimiter.IsNews"/>).</param>
public sealed record GlobalLimitRule(NamespacedName Policy, int RuleIndex, GlobalRateLimit Limit, RateLimiter Limiter)
{
    /// <summary>The object that the policy was made of.</summary>
    public NamespacedName Object => RateLimitNames.ObjectOf(Policy);
}
