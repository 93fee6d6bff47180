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

    /// <summary>Whom to ask about what the numbers let pass; null: nobody.</summary>
    public GlobalRateLimit? Global { get; init; }

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

    /// <summary>Of a burst, has those wait that come beyond so many at once, as long as none waits for longer than <see cref="MostDelay"/>: the burst ends there.</summary>
    /// <param name="atOnce">How many pass at once; 1 or more.</param>
    public RateLimit WithDelayAfter(int atOnce)
    {
        if (atOnce >= Burst) return this with { DelayAfter = 0 };
        int waiting = (int)Math.Min(Burst - atOnce, MostDelay / Interval);
        return this with { Burst = atOnce + waiting, DelayAfter = waiting == 0 ? 0 : atOnce };
    }

    /// <summary>A part of the rate, one in an hour at least, with the burst as it is; rounded down.</summary>
    /// <param name="parts">How many parts are made; 1 or more.</param>
    public RateLimit DividedBy(int parts)
    {
        // In the shortest time in which it is a whole number, or else the longest that there is a number for.
        (int requests, int seconds) = (Requests, Seconds);
        while (requests % parts != 0 && seconds < 3600 && requests <= int.MaxValue / 60) (requests, seconds) = (requests * 60, seconds * 60);
        RateLimit part = this with { Requests = Math.Max(1, requests / parts), Seconds = seconds };
        return DelayAfter == 0 ? part : part.WithDelayAfter(DelayAfter);
    }

    /// <summary>The rate as objects have it: <c>100/s</c>.</summary>
    public override string ToString() => $"{Requests}/{Seconds switch { 1 => "s", 60 => "m", _ => "h" }}";
}
