namespace Culvert.Core;

/// <summary>How many of the requests to a Service port may be repetitions, so that a Service that fails is not asked many times as much.</summary>
/// <param name="Percent">Repetitions for each hundred requests: 0 to 100.</param>
/// <param name="MinPerSecond">Repetitions that there may be in each second besides: 0 to <see cref="MostPerSecond"/>.</param>
public sealed record RetryBudget(int Percent, int MinPerSecond)
{
    /// <summary>The most that <see cref="MinPerSecond"/> may be.</summary>
    public const int MostPerSecond = 10_000;

    /// <summary>Whether the numbers are in their ranges.</summary>
    public bool IsValid => Percent is >= 0 and <= 100 && MinPerSecond is >= 0 and <= MostPerSecond;
}
