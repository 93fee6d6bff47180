using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// The labelled series of a family. Bounded: past the limit every new label set shares one series whose labels all read
/// <c>other</c>, so that hostile or churning peers cannot grow the scrape without end. What is gone makes room again. Thread-safe; a label set that is known takes no lock.
/// </summary>
internal sealed class SeriesTable<T>(string[] labelNames, int limit, Func<SeriesTable<T>, string[], DateTimeOffset, T> create, Action<T, T> move)
    where T : Series
{
    private const string Other = "other";

    private readonly ConcurrentDictionary<string[], T> _series = new(LabelSet.Comparer);
    private readonly SeriesSubjects _subjects = new(labelNames);
    private readonly Lock _lock = new();
    private int _count; // without the other one
    private T? _other;
    private MetricRegistry? _registry;
    private string _family = "";

    private DateTimeOffset Now => (_registry?.Time ?? TimeProvider.System).GetUtcNow();

    /// <summary>A registry has its family.</summary>
    internal void Join(MetricRegistry registry, string family) => (_registry, _family) = (registry, family);

    /// <summary>The series for these label values.</summary>
    internal T Get(ReadOnlySpan<string> values)
    {
        if (labelNames.Length != values.Length) throw new ArgumentException($"{labelNames.Length} labels need as many values, not {values.Length}", nameof(values));
        return _series.GetAlternateLookup<ReadOnlySpan<string>>().TryGetValue(values, out T? series) ? series : Add(values);
    }

    /// <summary>Does something with all series, while none comes or goes.</summary>
    internal void ForEach(Action<T> action)
    {
        lock (_lock)
        {
            foreach ((_, T series) in _series) action(series);
        }
    }

    /// <summary>Does something with a series that must be in the table meanwhile.</summary>
    internal void Within(T series, Action<T> action)
    {
        lock (_lock) action(ReturnLocked(series));
    }

    /// <summary>A series that was removed has had an update: it is in the table again, or the one that has its place takes what it has counted.</summary>
    internal void Return(T series)
    {
        lock (_lock) ReturnLocked(series);
    }

    /// <summary>Removes the series without an update for <see cref="MetricRegistry.IdleTime"/> whose subject is gone.</summary>
    internal void Sweep(DateTimeOffset now, IMeshSubjects mesh)
    {
        if (_subjects.IsFixed) return;
        lock (_lock)
        {
            foreach ((string[] labels, T series) in _series)
            {
                if (ReferenceEquals(series, _other) || now - series.LastUse(now) < MetricRegistry.IdleTime) continue;
                if (_subjects.Exist(labels, mesh)) series.Use(now); // asked again after as long
                else if (series.TryRemove() && _series.TryRemove(labels, out _)) _count--;
            }
        }
    }

    private T Add(ReadOnlySpan<string> values)
    {
        string[] labels = LabelSet.Bounded(values, out bool isShortened);
        string? reason = null;
        T? series;
        lock (_lock)
        {
            if (_series.TryGetValue(labels, out series)) return series;
            if (_count < limit)
            {
                Insert(series = create(this, labels, Now));
                if (isShortened) reason = MetricRegistry.LabelLength;
            }
            else
            {
                series = OverflowSeries();
                reason = MetricRegistry.SeriesLimit;
            }
        }

        // Not under the lock: whoever hears of it counts it in another table.
        if (reason is not null) _registry?.FellBack(_family, reason);
        return series;
    }

    private T ReturnLocked(T series)
    {
        if (!series.IsRemoved) return series;
        if (!_series.TryGetValue(series.Labels, out T? current))
        {
            if (_count < limit)
            {
                series.Use(Now);
                Insert(series);
                series.IsRemoved = false;
                return series;
            }

            current = OverflowSeries();
        }

        move(series, current);
        return current;
    }

    private void Insert(T series)
    {
        _series[series.Labels] = series;
        _count++;
    }

    // Under its own label set, which others may ask for as well.
    private T OverflowSeries()
    {
        if (_other is not null) return _other;
        string[] labels = Array.ConvertAll(labelNames, name => OwnerLabels.Has(name) ? "" : Other);
        return _other = _series.GetOrAdd(labels, _ => create(this, labels, Now));
    }
}
