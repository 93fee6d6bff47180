using System.Diagnostics.Metrics;
using Prom = Prometheus;

namespace Culvert.Kubernetes.Metrics;

/// <summary>An instrument as a family of prometheus-net. Safe for use by many threads.</summary>
internal sealed class PrometheusFamily
{
    /// <summary>Most sets of labels that are told apart; what further ones measure is one series, whose labels all read <c>other</c>.</summary>
    internal const int MostSeries = 1024;

    /// <summary>Longest value of a label, in UTF-16 code units; a longer one reads <c>other</c>.</summary>
    internal const int MostLength = 1024;

    private const string Other = "other";

    // From 0.5 ms to 60 s, as the agent's.
    private static readonly double[] SecondBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

    private readonly Func<string[], Func<string[], Action<double>>> _make;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Func<string[], Action<double>>> _collectors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Action<double>> _series = new(StringComparer.Ordinal);

    /// <param name="instrument">A counter, an up-down counter, a gauge, or a histogram of seconds.</param>
    /// <param name="factory">Makes its collectors.</param>
    /// <exception cref="ArgumentException">It is another instrument.</exception>
    public PrometheusFamily(Instrument instrument, Prom.IMetricFactory factory)
    {
        string name = instrument.Name.Replace('.', '_'), help = instrument.Description ?? "";
        _make = instrument switch
        {
            Counter<long> => names => Of(factory.CreateCounter(name + "_total", help, names, new Prom.CounterConfiguration { SuppressInitialValue = true }), c => value => c.Inc(value)),
            UpDownCounter<long> => names => Of(factory.CreateGauge(name, help, names, new Prom.GaugeConfiguration { SuppressInitialValue = true }), g => value => g.Inc(value)),
            Gauge<long> => names => Of(factory.CreateGauge(name, help, names, new Prom.GaugeConfiguration { SuppressInitialValue = true }), g => g.Set),
            Histogram<double> { Unit: "s" } => names =>
                Of(factory.CreateHistogram(name + "_seconds", help, names, new Prom.HistogramConfiguration { Buckets = SecondBounds, SuppressInitialValue = true }), h => h.Observe),
            _ => throw new ArgumentException($"'{instrument.Name}' has no form in the text format.", nameof(instrument)),
        };

        // A family without series has a header, too.
        _collectors.Add("", _make([]));
    }

    /// <summary>Takes a measurement up.</summary>
    public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        string[] names = new string[labels.Length], values = new string[labels.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            names[i] = labels[i].Key;
            values[i] = labels[i].Value?.ToString() ?? "";
            if (values[i].Length > MostLength) values[i] = Other;
        }

        Find(names, values)(value);
    }

    private static Func<string[], Action<double>> Of<TChild>(Prom.Collector<TChild> collector, Func<TChild, Action<double>> update)
        where TChild : Prom.ChildBase => values => update(collector.WithLabels(values));

    private Action<double> Find(string[] names, string[] values)
    {
        lock (_lock)
        {
            string key = KeyOf(names, values);
            if (_series.TryGetValue(key, out Action<double>? series)) return series;
            if (_series.Count >= MostSeries)
            {
                Array.Fill(values, Other);
                key = KeyOf(names, values);
                if (_series.TryGetValue(key, out series)) return series;
            }

            string collector = string.Join('\n', names);
            if (!_collectors.TryGetValue(collector, out Func<string[], Action<double>>? make)) _collectors.Add(collector, make = _make(names));
            _series.Add(key, series = make(values));
            return series;
        }
    }

    // A value may have any character, so it is told how long it is.
    private static string KeyOf(string[] names, string[] values) => string.Concat(names.Zip(values, (name, value) => $"{name}={value.Length}:{value},"));
}
