namespace Culvert.Core;

/// <summary>When a backend whose requests fail one after the other is left out for a while.</summary>
/// <param name="ConsecutiveErrors">So many in a row: 1 to <see cref="MostErrors"/>.</param>
/// <param name="EjectionTime">How long it is left out the first time, and so much longer each time that follows at once: 1 s to <see cref="LongestEjection"/>.</param>
/// <param name="MaxEjectionPercent">Most of the backends that may be left out at once: 1 to 100, rounded down, but one where there are several. With less than 100 one at least is always asked.</param>
public sealed record OutlierDetection(int ConsecutiveErrors, TimeSpan EjectionTime, int MaxEjectionPercent)
{
    /// <summary>Errors count that came within so long, whatever else came between: up to <see cref="LongestEjection"/>; null: errors in a row.</summary>
    public TimeSpan? Window { get; init; }

    /// <summary>Most errors.</summary>
    public const int MostErrors = 1000;

    /// <summary>The shortest time.</summary>
    public static TimeSpan ShortestEjection { get; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest that a backend is left out, also when that is a further time.</summary>
    public static TimeSpan LongestEjection { get; } = TimeSpan.FromHours(1);

    /// <summary>Whether the numbers are in their ranges.</summary>
    public bool IsValid =>
        ConsecutiveErrors is >= 1 and <= MostErrors && EjectionTime >= ShortestEjection && EjectionTime <= LongestEjection && MaxEjectionPercent is >= 1 and <= 100
        && (Window is not { } window || (window > TimeSpan.Zero && window <= LongestEjection));
}
