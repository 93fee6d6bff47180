using System.Text;
using Culvert.Exposition;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>A histogram with labels.</summary>
public sealed class HistogramFamily(string name, string help, string[] labelNames, double[] bounds, int seriesLimit = 1024) : IMetricFamily
{
    /// <summary>Bounds in seconds from 0.5 ms to 60 s.</summary>
    public static readonly double[] Seconds = ExpositionText.SecondBounds;

    private readonly SeriesTable<Histogram> _series = new(labelNames, seriesLimit, () => new Histogram(bounds));

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Help => help;

    /// <inheritdoc/>
    public string Type => "histogram";

    /// <inheritdoc/>
    public IReadOnlyList<string> LabelNames => labelNames;

    /// <summary>The series for these label values, in the order of the label names.</summary>
    public Histogram With(params ReadOnlySpan<string> values) => _series.Get(values);

    /// <inheritdoc/>
    public void Write(StringBuilder text, bool openMetrics)
    {
        foreach ((string labels, Histogram histogram) in _series.All) ExpositionText.AppendHistogram(text, name, labels, histogram.Bounds, histogram.Bucket, histogram.Sum, openMetrics ? histogram.Exemplar : null);
    }
}
