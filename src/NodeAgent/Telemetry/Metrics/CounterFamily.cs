using Prom = Prometheus;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>A counter with labels. Keep the <see cref="Counter"/> that <see cref="With"/> returns where updates are frequent. Thread-safe.</summary>
public sealed class CounterFamily : IMetricFamily
{
    /// <summary>How many label sets a family keeps apart unless told otherwise.</summary>
    public const int DefaultSeriesLimit = 4096;

    private readonly string[] _labelNames;
    private readonly SeriesTable<Counter> _series;
    private Collectors<Prom.Counter.Child>? _collectors;

    /// <param name="name">Full name, with unit suffix and <c>_total</c>.</param>
    /// <param name="help">One line of help.</param>
    /// <param name="labelNames">The names of its labels.</param>
    /// <param name="seriesLimit">How many label sets it keeps apart.</param>
    public CounterFamily(string name, string help, string[] labelNames, int seriesLimit = DefaultSeriesLimit)
    {
        (Name, Help, _labelNames) = (name, help, labelNames);
        _series = new SeriesTable<Counter>(labelNames, seriesLimit, (table, labels, now) => new Counter(this, table, labels, now), static (from, to) => from.MoveTo(to));
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public string Help { get; }

    /// <inheritdoc/>
    public string Type => "counter";

    /// <inheritdoc/>
    public IReadOnlyList<string> LabelNames => _labelNames;

    /// <summary>The series for these label values, in the order of the label names. A value that is longer than 1,024 UTF-16 code units is shortened.</summary>
    /// <exception cref="ArgumentException">There are more or fewer values than label names.</exception>
    public Counter With(params ReadOnlySpan<string> values) => _series.Get(values);

    /// <summary>The child of prometheus-net for these label values. Under the lock of the series.</summary>
    internal Prom.Counter.Child ChildOf(string[] labels) => (_collectors ?? throw new InvalidOperationException($"{Name} is in no registry")).ChildOf(labels);

    void IMetricFamily.Join(MetricRegistry registry, Prom.IMetricFactory collectors)
    {
        _series.Join(registry, Name);
        _collectors = new(_labelNames, names => collectors.CreateCounter(Name, Help, names, new Prom.CounterConfiguration { SuppressInitialValue = true }));
    }

    void IMetricFamily.Publish() => _series.ForEach(static series => series.Publish());

    void IMetricFamily.Sweep(DateTimeOffset now, IMeshSubjects mesh) => _series.Sweep(now, mesh);
}
