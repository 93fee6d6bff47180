using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>The metric families of connections of one protocol.</summary>
internal sealed class ConnectionFamilies
{
    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="prefix">What names begin with.</param>
    /// <param name="noun">What a connection is called in names.</param>
    /// <param name="title">What connections are called in help texts.</param>
    /// <param name="labels">Labels of all but the duration.</param>
    internal ConnectionFamilies(MetricRegistry registry, string prefix, string noun, string title, string[] labels)
    {
        Opened = registry.Add(new CounterFamily($"{prefix}_{noun}s_opened_total", $"{title} allowed and opened.", labels));
        Closed = registry.Add(new CounterFamily($"{prefix}_{noun}s_closed_total", $"{title} that ended after having been opened.", labels));
        Failed = registry.Add(new CounterFamily($"{prefix}_{noun}s_failed_total", $"{title} refused or failed, by reason.", [.. labels, "reason"]));
        Sent = registry.Add(new CounterFamily($"{prefix}_sent_bytes_total", $"Bytes from the originators of {noun}s.", labels));
        Received = registry.Add(new CounterFamily($"{prefix}_received_bytes_total", $"Bytes to the originators of {noun}s.", labels));
        Duration = registry.Add(new HistogramFamily($"{prefix}_{noun}_duration_seconds", $"Duration of ended {noun}s.", ["reporter", "path"], HistogramFamily.Seconds));
    }

    internal CounterFamily Opened { get; }

    internal CounterFamily Closed { get; }

    internal CounterFamily Failed { get; }

    internal CounterFamily Sent { get; }

    internal CounterFamily Received { get; }

    internal HistogramFamily Duration { get; }
}
