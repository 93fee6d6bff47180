using System.Diagnostics.Metrics;
using System.Text;
using Culvert.Exposition;

namespace Culvert.Kubernetes.Metrics;

/// <summary>An instrument as a family of the Prometheus text format. Safe for use by many threads.</summary>
internal sealed class PrometheusFamily
{
    /// <summary>Most sets of labels that are told apart; what further ones measure is one series, whose labels all read <c>other</c>.</summary>
    internal const int MostSeries = 1024;

    private const string Counter = "counter", Gauge = "gauge", Histogram = "histogram";

    private readonly string _help;
    private readonly string _type;
    private readonly bool _isSet;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Series> _series = new(StringComparer.Ordinal);

    /// <param name="instrument">A counter, an up-down counter, a gauge, or a histogram of seconds.</param>
    /// <exception cref="ArgumentException">It is another instrument.</exception>
    public PrometheusFamily(Instrument instrument)
    {
        (_type, string suffix) = instrument switch
        {
            Counter<long> => (Counter, "_total"),
            UpDownCounter<long> or Gauge<long> => (Gauge, ""),
            Histogram<double> { Unit: "s" } => (Histogram, "_seconds"),
            _ => throw new ArgumentException($"'{instrument.Name}' has no form in the text format.", nameof(instrument)),
        };
        Name = instrument.Name.Replace('.', '_') + suffix;
        _help = instrument.Description ?? "";
        _isSet = instrument is Gauge<long>;
    }

    /// <summary>Its name: the instrument's with the ending that its type asks for.</summary>
    public string Name { get; }

    /// <summary>Takes a measurement up.</summary>
    public void Add(double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        string text = Format(labels, null);
        lock (_lock)
        {
            if (!_series.TryGetValue(text, out Series? series))
            {
                if (_series.Count >= MostSeries) text = Format(labels, "other");
                if (!_series.TryGetValue(text, out series)) _series.Add(text, series = new(_type == Histogram ? new long[ExpositionText.SecondBounds.Length + 1] : []));
            }
            series.Sum = _isSet ? value : series.Sum + value;
            if (_type == Histogram) series.Buckets[ExpositionText.SecondBounds.TakeWhile(bound => value > bound).Count()]++;
        }
    }

    /// <summary>Appends the family with all its series.</summary>
    public void Write(StringBuilder text)
    {
        ExpositionText.AppendHeader(text, Name, _help, _type);
        lock (_lock)
        {
            foreach ((string labels, Series series) in _series)
            {
                if (_type == Histogram) ExpositionText.AppendHistogram(text, Name, labels, ExpositionText.SecondBounds, i => series.Buckets[i], series.Sum);
                else ExpositionText.AppendSample(text, Name, labels, series.Sum);
            }
        }
    }

    private static string Format(ReadOnlySpan<KeyValuePair<string, object?>> labels, string? value)
    {
        StringBuilder text = new();
        foreach (KeyValuePair<string, object?> label in labels) ExpositionText.AppendLabel(text, label.Key, value ?? label.Value?.ToString() ?? "");
        return text.ToString();
    }

    /// <summary>What was measured with a set of labels.</summary>
    /// <param name="Buckets">How many were within each bound and beyond the one before; empty where it is no histogram.</param>
    private sealed record Series(long[] Buckets)
    {
        public double Sum { get; set; }
    }
}
