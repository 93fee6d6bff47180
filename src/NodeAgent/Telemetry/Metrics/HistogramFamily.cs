using Prom = Prometheus;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>A histogram with labels. Keep the <see cref="Histogram"/> that <see cref="With"/> returns where updates are frequent. Thread-safe.</summary>
public sealed class HistogramFamily : IMetricFamily
{
    /// <summary>Bounds in seconds from 0.5 ms to 60 s.</summary>
    public static readonly double[] Seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

    private readonly string[] _labelNames;
    private readonly SeriesTable<Histogram> _series;
    private Collectors<Prom.Histogram.Child>? _collectors;

    /// <param name="name">Full name, with unit suffix.</param>
    /// <param name="help">One line of help.</param>
    /// <param name="labelNames">The names of its labels.</param>
    /// <param name="bounds">The buckets' upper bounds, ascending, in the unit of the name.</param>
    /// <param name="seriesLimit">How many label sets it keeps apart.</param>
    public HistogramFamily(string name, string help, string[] labelNames, double[] bounds, int seriesLimit = 1024)
    {
        (Name, Help, Bounds, _labelNames) = (name, help, bounds, labelNames);
        _series = new SeriesTable<Histogram>(labelNames, seriesLimit, (table, labels, now) => new Histogram(this, table, labels, now), static (from, to) => from.MoveTo(to));
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Help { get; }

    /// <inheritdoc/>
    public string Type => "histogram";

    /// <inheritdoc/>
    public IReadOnlyList<string> LabelNames => _labelNames;

    /// <summary>The buckets' upper bounds.</summary>
    internal double[] Bounds { get; }

    /// <summary>The series for these label values, in the order of the label names. A value that is longer than 1,024 UTF-16 code units is shortened.</summary>
    /// <exception cref="ArgumentException">There are more or fewer values than label names.</exception>
    public Histogram With(params ReadOnlySpan<string> values) => _series.Get(values);

    /// <summary>The child of prometheus-net for these label values. Under the lock of the series.</summary>
    internal Prom.Histogram.Child ChildOf(string[] labels) => (_collectors ?? throw new InvalidOperationException($"{Name} is in no registry")).ChildOf(labels);

    void IMetricFamily.Join(MetricRegistry registry, Prom.IMetricFactory collectors)
    {
        _series.Join(registry, Name);
        _collectors = new(_labelNames, names => collectors.CreateHistogram(Name, Help, names, new Prom.HistogramConfiguration { Buckets = Bounds, SuppressInitialValue = true }));
    }

    void IMetricFamily.Publish() => _series.ForEach(static series => series.Publish());

    void IMetricFamily.Sweep(DateTimeOffset now, IMeshSubjects mesh) => _series.Sweep(now, mesh);
}
