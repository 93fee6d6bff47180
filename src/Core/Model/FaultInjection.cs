namespace Culvert.Core;

/// <summary>What is made to go wrong for requests to a Service, so that its clients can be tried.</summary>
public sealed record FaultInjection
{
    /// <summary>How many of a hundred requests wait before they go on: 0 to 100.</summary>
    public int DelayPercent { get; init; }

    /// <summary>How long they wait: up to <see cref="LongestDelay"/>.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>How many of a hundred requests no backend gets: 0 to 100.</summary>
    public int AbortPercent { get; init; }

    /// <summary>What these are answered with: <see cref="LeastStatus"/> to <see cref="MostStatus"/>, or nothing of it where <see cref="AbortPercent"/> is 0.</summary>
    public int AbortStatus { get; init; } = DefaultStatus;

    /// <summary>The range of <see cref="AbortStatus"/>, and what it is where nothing is said.</summary>
    public const int LeastStatus = 400, MostStatus = 599, DefaultStatus = 503;

    /// <summary>The longest <see cref="Delay"/>.</summary>
    public static TimeSpan LongestDelay { get; } = TimeSpan.FromMinutes(10);

    /// <summary>Whether the numbers are in their ranges.</summary>
    public bool IsValid => DelayPercent is >= 0 and <= 100 && AbortPercent is >= 0 and <= 100 && Delay >= TimeSpan.Zero && Delay <= LongestDelay && AbortStatus is >= LeastStatus and <= MostStatus;
}
