namespace Culvert.Core;

/// <summary>A request that is one too many, for ever or just now.</summary>
/// <param name="Policy">The policy whose limit it is, by its name in the snapshot.</param>
/// <param name="RuleIndex">Which rule of it.</param>
/// <param name="Limiter">The count.</param>
/// <param name="Wait">In how many nanoseconds one may pass; this one, where it is delayed.</param>
public readonly record struct RateLimitExcess(NamespacedName Policy, int RuleIndex, RateLimiter Limiter, long Wait)
{
    /// <summary>Whether it has been counted and may pass, but after <see cref="Wait"/> only; otherwise it may not pass, and counts for nothing.</summary>
    public bool IsDelay { get; init; }

    /// <summary>The object that the policy was made of.</summary>
    public NamespacedName Object => RateLimitNames.ObjectOf(Policy);

    /// <summary>Its kind, for people.</summary>
    public string Kind => RateLimitNames.KindOf(Policy);

    /// <summary>The same in whole seconds, 1 or more.</summary>
    public long WaitSeconds => (Wait + 999_999_999) / 1_000_000_000;
}
