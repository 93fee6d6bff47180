using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Culvert.Kubernetes.Metrics;

/// <summary>An instrument as a family of the Prometheus text format. Safe for use by many threads.</summary>
internal sealed class PrometheusFamily
{
    /// <summary>Most sets of labels that are told apart; what further ones measure is one series, whose labels all read <c>other</c>.</summary>
    internal const int MostSeries = 1024;

    private const string Counter = "counter", Gauge = "gauge", Histogram = "histogram";

    /// <summary>Upper bounds of buckets in seconds, as the agent's histograms have them.</summary>
    private static readonly double[] Seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

    private readonly string _help;
    private readonly string _type;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, Series> _series = new(StringComparer.Ordinal);

    /// <param name="instrument">A counter, an up-down counter, or a histogram of seconds.</param>
    /// <exception cref="ArgumentException">It is another instrument.</exception>
    public PrometheusFamily(Instrument instrument)
    {
        (_type, string suffix) = instrument switch
        {
            Counter<long> => (Counter, "_total"),
            UpDownCounter<long> => (Gauge, ""),
            Histogram<double> { Unit: "s" } => (Histogram, "_seconds"),
            _ => throw new ArgumentException($"'{instrument.Name}' has no form in the text format.", nameof(instrument)),
        };
        Name = instrument.Name.Replace('.', '_') + suffix;
        _help = (instrument.Description ?? "").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
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
                if (!_series.TryGetValue(text, out series)) _series.Add(text, series = new(_type == Histogram ? new long[Seconds.Length + 1] : []));
            }
            series.Sum += value;
            if (_type == Histogram) series.Buckets[Seconds.TakeWhile(bound => value > bound).Count()]++;
        }
    }

    /// <summary>Appends the family with all its series.</summary>
    public void Write(StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"# HELP {Name} {_help}\n# TYPE {Name} {_type}\n");
        lock (_lock)
        {
            foreach ((string labels, Series series) in _series)
            {
                if (_type == Histogram) WriteHistogram(text, labels, series);
                else Sample(text, "", labels, series.Sum);
            }
        }
    }

    private void WriteHistogram(StringBuilder text, string labels, Series series)
    {
        string comma = labels.Length > 0 ? "," : "";
        long count = 0;
        for (int i = 0; i < series.Buckets.Length; i++)
        {
            count += series.Buckets[i];
            string bound = i < Seconds.Length ? Seconds[i].ToString("R", CultureInfo.InvariantCulture) : "+Inf";
            Sample(text, "_bucket", $"{labels}{comma}le=\"{bound}\"", count);
        }
        Sample(text, "_sum", labels, series.Sum);
        Sample(text, "_count", labels, count);
    }

    private void Sample(StringBuilder text, string part, string labels, double value)
    {
        text.Append(Name).Append(part);
        if (labels.Length > 0) text.Append('{').Append(labels).Append('}');
        text.Append(CultureInfo.InvariantCulture, $" {value:R}\n");
    }

    private static string Format(ReadOnlySpan<KeyValuePair<string, object?>> labels, string? value)
    {
        if (labels.IsEmpty) return "";
        StringBuilder text = new();
        foreach (KeyValuePair<string, object?> label in labels)
        {
            string escaped = (value ?? label.Value?.ToString() ?? "").Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
            text.Append(text.Length > 0 ? "," : "").Append(label.Key).Append("=\"").Append(escaped).Append('"');
        }
        return text.ToString();
    }

    /// <summary>What was measured with a set of labels.</summary>
    /// <param name="Buckets">How many were within each bound and beyond the one before; empty where it is no histogram.</param>
    private sealed record Series(long[] Buckets)
    {
        public double Sum { get; set; }
    }
}
