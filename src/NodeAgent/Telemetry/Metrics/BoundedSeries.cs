using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// Series that are kept by a key of their own: to look them up by their labels' text is the dearest part of counting. Bounded: beyond a number of keys all others are counted together.
/// A key whose series were all removed makes room. Thread-safe; without locks or allocations for what is known, and for the others.
/// </summary>
internal sealed class BoundedSeries<TKey, TSeries>
    where TKey : notnull
    where TSeries : class
{
    private readonly ConcurrentDictionary<TKey, TSeries> _known = new();
    private readonly MetricRegistry _registry;
    private readonly string[] _metrics;
    private readonly int _most;
    private readonly TKey _others;
    private readonly Func<TKey, TSeries> _make;
    private readonly Func<TSeries, bool> _isRemoved;
    private TSeries? _rest;
    private Counter[]? _fellBack;
    private int _count;

    /// <param name="registry">Removes series, and counts what is counted as the others.</param>
    /// <param name="metrics">Names of the families, for that count.</param>
    /// <param name="most">How many keys have series of their own.</param>
    /// <param name="others">Stands for the others.</param>
    /// <param name="make">Makes the series of a key.</param>
    /// <param name="isRemoved">Whether all series of a key were removed.</param>
    internal BoundedSeries(MetricRegistry registry, string[] metrics, int most, TKey others, Func<TKey, TSeries> make, Func<TSeries, bool> isRemoved)
    {
        (_registry, _metrics, _most, _others, _make, _isRemoved) = (registry, metrics, most, others, make, isRemoved);
        registry.AfterSweep(Prune);
    }

    /// <summary>All that there are now.</summary>
    internal IEnumerable<TSeries> All => _rest is { } rest ? _known.Values.Append(rest) : _known.Values;

    /// <summary>The series of a key.</summary>
    internal TSeries Of(TKey one) => _known.TryGetValue(one, out TSeries? series) ? series : Volatile.Read(ref _count) < _most ? Add(one) : Others();

    private TSeries Add(TKey one)
    {
        TSeries made = _make(one), series = _known.GetOrAdd(one, made);
        if (ReferenceEquals(made, series)) Interlocked.Increment(ref _count);
        return series;
    }

    private TSeries Others()
    {
        foreach (Counter counter in _fellBack ??= Array.ConvertAll(_metrics, m => _registry.Fallback(m, MetricRegistry.SeriesLimit))) counter.Increment();
        return _rest ?? Rest();
    }

    // Of two that are made at once one is kept, or what the other has counted would be lost to those who look at all.
    private TSeries Rest()
    {
        TSeries made = _make(_others);
        return Interlocked.CompareExchange(ref _rest, made, null) ?? made;
    }

    private void Prune()
    {
        foreach (KeyValuePair<TKey, TSeries> pair in _known)
        {
            if (_isRemoved(pair.Value) && _known.TryRemove(pair)) Interlocked.Decrement(ref _count);
        }
    }
}
