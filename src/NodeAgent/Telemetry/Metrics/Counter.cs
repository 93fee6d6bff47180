namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>One monotonic series. Thread-safe, lock-free.</summary>
public sealed class Counter
{
    private long _value;

    /// <summary>Current total.</summary>
    public long Value => Volatile.Read(ref _value);

    /// <summary>Adds <paramref name="amount"/>, at least 0.</summary>
    public void Add(long amount) => Interlocked.Add(ref _value, amount);

    /// <summary>Adds one.</summary>
    public void Increment() => Interlocked.Increment(ref _value);
}
