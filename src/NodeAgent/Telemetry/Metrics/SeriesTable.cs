using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// The labelled series of a family. Bounded: past the limit every new label set shares one series whose labels all read
/// <c>other</c>, so that hostile or churning peers cannot grow the scrape without end. Thread-safe.
/// </summary>
internal sealed class SeriesTable<T>(string[] labelNames, int limit, Func<T> create) where T : class
{
    private readonly ConcurrentDictionary<string, T> _series = new(StringComparer.Ordinal);

    internal T Get(ReadOnlySpan<string> values)
    {
        string key = LabelText.Format(labelNames, values);
        if (_series.TryGetValue(key, out T? series)) return series;
        if (_series.Count >= limit)
        {
            string[] other = new string[labelNames.Length];
            Array.Fill(other, "other");
            key = LabelText.Format(labelNames, other);
        }
        return _series.GetOrAdd(key, _ => create());
    }

    internal IEnumerable<KeyValuePair<string, T>> All => _series.OrderBy(p => p.Key, StringComparer.Ordinal);
}
