namespace Culvert.Core;

/// <summary>When a request that has no answer yet is sent to another backend of the Service port too.</summary>
/// <param name="Delay">How long a response is waited for before each further backend: <see cref="ShortestDelay"/> to <see cref="LongestDelay"/>, in whole milliseconds.</param>
/// <param name="MaxTries">Most tries of one request in all, repetitions of other kinds among them: <see cref="LeastTries"/> to <see cref="MostTries"/>.</param>
public sealed record RequestHedging(TimeSpan Delay, int MaxTries = RequestHedging.LeastTries)
{
    /// <summary>The range of <see cref="MaxTries"/>.</summary>
    public const int LeastTries = 2, MostTries = 3;

    /// <summary>The shortest delay.</summary>
    public static TimeSpan ShortestDelay { get; } = TimeSpan.FromMilliseconds(1);

    /// <summary>The longest.</summary>
    public static TimeSpan LongestDelay { get; } = TimeSpan.FromMinutes(1);

    /// <summary>Whether the numbers are in their ranges.</summary>
    public bool IsValid => Delay >= ShortestDelay && Delay <= LongestDelay && MaxTries is >= LeastTries and <= MostTries;
}
