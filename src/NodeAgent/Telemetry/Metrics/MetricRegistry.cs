using System.Text;
using Culvert.Exposition;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// The metric families of one agent and their rendering as OpenMetrics / Prometheus text. Thread-safe: families are
/// registered at start-up, series are updated from any thread and rendered at scrape time.
/// </summary>
public sealed class MetricRegistry
{
    private readonly List<IMetricFamily> _families = [];
    private readonly Lock _lock = new();

    /// <summary>All families there are now, in the order in which they were added.</summary>
    public IReadOnlyList<IMetricFamily> Families
    {
        get
        {
            lock (_lock) return [.. _families];
        }
    }

    /// <summary>Adds a family. Throws <see cref="ArgumentException"/> when the name is taken.</summary>
    public T Add<T>(T family) where T : IMetricFamily
    {
        ArgumentNullException.ThrowIfNull(family);
        lock (_lock)
        {
            if (_families.Exists(f => f.Name == family.Name)) throw new ArgumentException($"metric {family.Name} is registered twice", nameof(family));
            _families.Add(family);
        }
        return family;
    }

    /// <summary>Renders every family; ends with the OpenMetrics end marker when <paramref name="openMetrics"/>.</summary>
    public string Render(bool openMetrics)
    {
        StringBuilder text = new(16 * 1024);
        foreach (IMetricFamily family in Families)
        {
            // OpenMetrics names a counter family without its _total suffix; the classic format with it.
            string name = openMetrics && family.Type == "counter" && family.Name.EndsWith("_total", StringComparison.Ordinal) ? family.Name[..^6] : family.Name;
            ExpositionText.AppendHeader(text, name, family.Help, family.Type);
            family.Write(text, openMetrics);
        }
        if (openMetrics) text.Append("# EOF\n");
        return text.ToString();
    }
}
