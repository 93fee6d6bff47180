using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads what a TrafficPolicy makes go wrong (<c>faultInjection</c>).</summary>
internal static class FaultInjectionReader
{
    /// <summary>Reads it; null: nothing is said, or nothing goes wrong.</summary>
    public static FaultInjection? Read(FieldReader spec)
    {
        if (spec.Map("faultInjection") is not { } reader) return null;
        FaultInjection faults = new();
        if (reader.Map("delay") is { } delay)
        {
            long percent = delay.Integer("percent", 0, 100, required: true) ?? 0;
            TimeSpan time = delay.Parsed<TimeSpan>("time", Delay, required: true);
            delay.Done();
            faults = faults with { DelayPercent = (int)percent, Delay = time };
        }

        if (reader.Map("abort") is { } abort)
        {
            long percent = abort.Integer("percent", 0, 100, required: true) ?? 0;
            long status = abort.Integer("status", FaultInjection.LeastStatus, FaultInjection.MostStatus) ?? FaultInjection.DefaultStatus;
            abort.Done();
            faults = faults with { AbortPercent = (int)percent, AbortStatus = (int)status };
        }

        reader.Done();
        if (faults is not { DelayPercent: 0, AbortPercent: 0 }) return faults;
        spec.Note("faultInjection", "nothing goes wrong: neither delay nor abort has a percent above 0");
        return null;
    }

    private static string? Delay(string text, out TimeSpan time)
    {
        string? error = Durations.ParseOfGateway(text, out time);
        return error ?? (time > FaultInjection.LongestDelay ? "must be within 0s..10m" : null);
    }
}
