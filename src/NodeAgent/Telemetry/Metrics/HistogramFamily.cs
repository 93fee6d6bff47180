using System.Globalization;
using System.Text;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>A histogram with labels.</summary>
public sealed class HistogramFamily(string name, string help, string[] labelNames, double[] bounds, int seriesLimit = 1024) : IMetricFamily
{
    /// <summary>Bounds in seconds from 0.5 ms to 60 s.</summary>
    public static readonly double[] Seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

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
    public void Write(StringBuilder text)
    {
        foreach ((string labels, Histogram histogram) in _series.All)
        {
            string comma = labels.Length > 0 ? labels + "," : "";
            long cumulative = 0;
            for (int i = 0; i <= histogram.Bounds.Length; i++)
            {
                cumulative += histogram.Bucket(i);
                string le = i < histogram.Bounds.Length ? histogram.Bounds[i].ToString("R", CultureInfo.InvariantCulture) : "+Inf";
                LabelText.AppendSample(text, name + "_bucket", $"{comma}le=\"{le}\"", cumulative);
            }
            LabelText.AppendSample(text, name + "_sum", labels, histogram.Sum);
            LabelText.AppendSample(text, name + "_count", labels, cumulative);
        }
    }
}
