using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>Counters by something of which there may be any number: beyond a number of them all others are counted together. Thread-safe; without locks or allocations for what is known, and for the others.</summary>
/// <param name="most">How many have counters of their own.</param>
/// <param name="others">What stands for the others.</param>
/// <param name="make">Makes the counters of one.</param>
internal sealed class BoundedSeries<T>(int most, T others, Func<T, Counter[]> make)
    where T : notnull
{
    private readonly ConcurrentDictionary<T, Counter[]> _known = new();
    private Counter[]? _others;
    private int _count;

    /// <summary>The counters of one.</summary>
    internal Counter[] Of(T one) => _known.TryGetValue(one, out Counter[]? counters) ? counters : Volatile.Read(ref _count) < most ? Add(one) : _others ??= make(others);

    private Counter[] Add(T one)
    {
        Counter[] made = make(one), counters = _known.GetOrAdd(one, made);
        if (ReferenceEquals(made, counters)) Interlocked.Increment(ref _count);
        return counters;
    }
}
