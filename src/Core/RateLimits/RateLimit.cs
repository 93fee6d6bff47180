namespace Culvert.Core;

/// <summary>How many requests may pass, validated: so many in a while, evenly, of which some may come at once.</summary>
public sealed record RateLimit
{
    /// <summary>Most requests in a second. More would make an interval of so few nanoseconds that it is a coarse one.</summary>
    public const int MostPerSecond = 1_000_000;

    /// <summary>Most requests that may come at once.</summary>
    public const int MostBurst = 1_000_000;

    /// <summary>Longest time in nanoseconds that a request may be delayed for: most clients wait no longer for an answer.</summary>
    public const long MostDelay = 60 * NanosecondsPerSecond;

    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>How many requests pass in <see cref="Seconds"/>; 1 or more.</summary>
    public required int Requests { get; init; }

    /// <summary>In how many seconds: 1, 60 or 3,600.</summary>
    public required int Seconds { get; init; }

    /// <summary>How many may come at once, after a time without any; 1 or more.</summary>
    public required int Burst { get; init; }

    /// <summary>
    /// How many of <see cref="Burst"/> pass at once, 1 or more and less than that: those that come beyond wait until they are on time, <see cref="MostDelay"/> at most. 0: none waits.
    /// </summary>
    public int DelayAfter { get; init; }

    /// <summary>Which requests are counted together.</summary>
    public RateLimitBy By { get; init; }

    /// <summary>The name of the header by which they are counted, in lower case; empty unless <see cref="By"/> says so.</summary>
    public string Header { get; init; } = "";

    /// <summary>The time in nanoseconds for which one request stands, rounded up: never more pass than it says.</summary>
    public long Interval => ((Seconds * NanosecondsPerSecond) + Requests - 1) / Requests;

    /// <summary>How far in nanoseconds requests may be ahead of their time: a hundred years at most, which leaves room for a clock of as many.</summary>
    public long Tolerance => Interval * (Burst - 1);

    /// <summary>How far in nanoseconds requests may be ahead of their time without being delayed.</summary>
    public long ToleranceAtOnce => DelayAfter == 0 ? Tolerance : Interval * (DelayAfter - 1);

    /// <summary>The longest time in nanoseconds that one of its requests waits; 0: none does.</summary>
    public long LongestDelay => Tolerance - ToleranceAtOnce;

    /// <summary>Whether the numbers are ones that can be counted with.</summary>
    public bool IsValid =>
        Seconds is 1 or 60 or 3600 && Requests >= 1 && Requests <= (long)MostPerSecond * Seconds && Burst is >= 1 and <= MostBurst
        && DelayAfter >= 0 && DelayAfter < Burst && LongestDelay <= MostDelay
        && By is RateLimitBy.All or RateLimitBy.Identity or RateLimitBy.Header && (By == RateLimitBy.Header) == (Header.Length > 0);

    /// <summary>The rate as objects have it: <c>100/s</c>.</summary>
    public override string ToString() => $"{Requests}/{Seconds switch { 1 => "s", 60 => "m", _ => "h" }}";
}
