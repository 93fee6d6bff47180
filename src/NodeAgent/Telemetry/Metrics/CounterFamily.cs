using System.Text;
using Culvert.Exposition;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>A counter with labels. Keep the <see cref="Counter"/> that <see cref="With"/> returns where updates are frequent.</summary>
public sealed class CounterFamily(string name, string help, string[] labelNames, int seriesLimit = CounterFamily.DefaultSeriesLimit) : IMetricFamily
{
    /// <summary>How many label sets a family keeps apart unless told otherwise.</summary>
    public const int DefaultSeriesLimit = 4096;

    private readonly SeriesTable<Counter> _series = new(labelNames, seriesLimit, () => new Counter());

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Help => help;

    /// <inheritdoc/>
    public string Type => "counter";

    /// <inheritdoc/>
    public IReadOnlyList<string> LabelNames => labelNames;

    /// <summary>The series for these label values, in the order of the label names.</summary>
    public Counter With(params ReadOnlySpan<string> values) => _series.Get(values);

    /// <inheritdoc/>
    public void Write(StringBuilder text, bool openMetrics)
    {
        foreach ((string labels, Counter counter) in _series.All) ExpositionText.AppendSample(text, name, labels, counter.Value);
    }
}
