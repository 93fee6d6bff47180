using Prom = Prometheus;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// A gauge or counter whose series are read when scraped, for values that live elsewhere (kernel maps, process). A series that is not read any more is removed. Thread-safe.
/// </summary>
public sealed class CallbackFamily(string name, string help, string type, string[] labelNames, Func<IEnumerable<CallbackSample>> read) : IMetricFamily
{
    // Samples beyond are left out: a sum of gauges would say nothing.
    private const int MaxSeries = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<string[], Series> _series = new(LabelSet.Comparer);
    private MetricRegistry? _registry;
    private Func<string[], Series>? _make;
    private long _round;

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Help => help;

    /// <inheritdoc/>
    public string Type => type;

    /// <inheritdoc/>
    public IReadOnlyList<string> LabelNames => labelNames;

    void IMetricFamily.Join(MetricRegistry registry, Prom.IMetricFactory collectors)
    {
        _registry = registry;
        if (type == "counter")
        {
            Prom.Counter counter = collectors.CreateCounter(name, help, labelNames, new Prom.CounterConfiguration { SuppressInitialValue = true });
            _make = labels => new CounterSeries(counter, labels);
        }
        else
        {
            Prom.Gauge gauge = collectors.CreateGauge(name, help, labelNames, new Prom.GaugeConfiguration { SuppressInitialValue = true });
            _make = labels => new GaugeSeries(gauge.WithLabels(labels));
        }
    }

    void IMetricFamily.Publish()
    {
        lock (_lock)
        {
            _round++;
            try
            {
                foreach (CallbackSample sample in read()) Take(sample);
            }
            finally
            {
                // After a failure too: a value of before would look like one of now.
                foreach ((string[] labels, Series series) in _series)
                {
                    if (series.Round == _round) continue;
                    series.Remove();
                    _series.Remove(labels);
                }
            }
        }
    }

    void IMetricFamily.Sweep(DateTimeOffset now, IMeshSubjects mesh)
    {
        // Each scrape does that.
    }

    private void Take(CallbackSample sample)
    {
        string[] labels = sample.Labels;
        bool isShortened = false;
        if (Array.Exists(labels, l => l.Length > LabelSet.MaxLength)) labels = LabelSet.Bounded(labels, out isShortened);
        if (!_series.TryGetValue(labels, out Series? series))
        {
            if (_series.Count >= MaxSeries)
            {
                _registry!.FellBack(name, MetricRegistry.SeriesLimit);
                return;
            }

            _series.Add(labels, series = _make!(labels));
            if (isShortened) _registry!.FellBack(name, MetricRegistry.LabelLength);
        }

        series.Set(sample.Value);
        series.Round = _round;
    }

    private abstract class Series
    {
        /// <summary>The scrape that has read it last.</summary>
        internal long Round { get; set; }

        internal abstract void Set(double value);

        internal abstract void Remove();
    }

    private sealed class GaugeSeries(Prom.Gauge.Child child) : Series
    {
        internal override void Set(double value) => child.Set(value);

        internal override void Remove() => child.Remove();
    }

    private sealed class CounterSeries(Prom.Counter counter, string[] labels) : Series
    {
        private Prom.Counter.Child _child = counter.WithLabels(labels);

        internal override void Set(double value)
        {
            // It has begun anew, as a map does that is made again.
            if (value < _child.Value)
            {
                _child.Remove();
                _child = counter.WithLabels(labels);
            }

            _child.IncTo(value);
            _child.Publish();
        }

        internal override void Remove() => _child.Remove();
    }
}

/// <summary>One value with its label values, in the order of the family's label names.</summary>
public readonly record struct CallbackSample(string[] Labels, double Value)
{
    /// <summary>A value without labels.</summary>
    public static CallbackSample[] Single(double value) => [new([], value)];
}
