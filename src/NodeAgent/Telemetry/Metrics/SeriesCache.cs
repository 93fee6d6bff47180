using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// What counts for a key, kept so that its labels need not be looked up. What does not fit is made for each use. What has only series that were removed is not kept. Thread-safe.
/// </summary>
internal sealed class SeriesCache<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    private readonly ConcurrentDictionary<TKey, TValue> _known = new();
    private readonly Func<TValue, bool> _isRemoved;
    private int _count;

    /// <param name="registry">Removes series.</param>
    /// <param name="isRemoved">Whether all series of a value were removed.</param>
    internal SeriesCache(MetricRegistry registry, Func<TValue, bool> isRemoved)
    {
        _isRemoved = isRemoved;
        registry.AfterSweep(Prune);
    }

    /// <summary>All that there are now.</summary>
    internal IEnumerable<TValue> Values => _known.Values;

    /// <summary>What is kept for a key; null: nothing.</summary>
    internal TValue? Find(in TKey key) => _known.GetValueOrDefault(key);

    /// <summary>Keeps a value unless there are too many, or one is kept for the key.</summary>
    internal void Keep(in TKey key, TValue value)
    {
        if (Volatile.Read(ref _count) < CounterFamily.DefaultSeriesLimit && _known.TryAdd(key, value)) Interlocked.Increment(ref _count);
    }

    private void Prune()
    {
        foreach (KeyValuePair<TKey, TValue> pair in _known)
        {
            if (_isRemoved(pair.Value) && _known.TryRemove(pair)) Interlocked.Decrement(ref _count);
        }
    }
}
