using System.Globalization;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>An observation of a histogram whose trace is recorded, so that who sees the bucket finds one that is in it. Immutable.</summary>
/// <param name="TraceHigh">The first half of the trace's id.</param>
/// <param name="TraceLow">The second half.</param>
/// <param name="Span">The span's id.</param>
/// <param name="Value">What was observed.</param>
/// <param name="Time">When.</param>
internal sealed record Exemplar(ulong TraceHigh, ulong TraceLow, ulong Span, double Value, DateTimeOffset Time)
{
    /// <summary>As it stands behind a bucket (OpenMetrics, section "Exemplars").</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $" # {{trace_id=\"{TraceHigh:x16}{TraceLow:x16}\",span_id=\"{Span:x16}\"}} {Value:R} {Time.ToUnixTimeMilliseconds() / 1000.0:0.000}");
}
