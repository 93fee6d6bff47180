using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads when a TrafficPolicy has requests sent to a further backend (<c>hedging</c>).</summary>
internal static class HedgingReader
{
    /// <summary>What is wrong with a delay out of its range.</summary>
    public const string NotDelay = "must be within 1ms..60s";

    /// <summary>Reads it; null: nothing is said, or it is wrong.</summary>
    public static RequestHedging? Read(FieldReader spec)
    {
        if (spec.Map("hedging") is not { } hedging) return null;
        TimeSpan? delay = hedging.Parsed<TimeSpan?>("delay", Delay, required: true);
        long tries = hedging.Integer("maxTries", RequestHedging.LeastTries, RequestHedging.MostTries) ?? RequestHedging.LeastTries;
        hedging.Done();
        return delay is { } known ? new(known, (int)tries) : null;
    }

    private static string? Delay(string text, out TimeSpan? time)
    {
        string? error = Durations.ParseOfGateway(text, out TimeSpan read);
        time = read;
        return error ?? (read >= RequestHedging.ShortestDelay && read <= RequestHedging.LongestDelay ? null : NotDelay);
    }
}
