using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>What is counted by something of which there may be any number: beyond a number of them all others are counted together. Thread-safe; without locks or allocations for what is known, and for the others.</summary>
/// <param name="most">How many are counted by themselves.</param>
/// <param name="others">What stands for the others.</param>
/// <param name="make">Makes what counts one.</param>
internal sealed class BoundedSeries<TKey, TSeries>(int most, TKey others, Func<TKey, TSeries> make)
    where TKey : notnull
    where TSeries : class
{
    private readonly ConcurrentDictionary<TKey, TSeries> _known = new();
    private TSeries? _others;
    private int _count;

    /// <summary>All that there are now.</summary>
    internal IEnumerable<TSeries> All => _others is { } rest ? _known.Values.Append(rest) : _known.Values;

    /// <summary>What counts one.</summary>
    internal TSeries Of(TKey one) => _known.TryGetValue(one, out TSeries? series) ? series : Volatile.Read(ref _count) < most ? Add(one) : _others ?? Rest();

    private TSeries Add(TKey one)
    {
        TSeries made = make(one), series = _known.GetOrAdd(one, made);
        if (ReferenceEquals(made, series)) Interlocked.Increment(ref _count);
        return series;
    }

    // Of two that are made at once one is kept, or what the other has counted would be lost to those who look at all.
    private TSeries Rest()
    {
        TSeries made = make(others);
        return Interlocked.CompareExchange(ref _others, made, null) ?? made;
    }
}
