namespace Culvert.NodeAgent.Proxy;

/// <summary>Bounds the connections of all loops together. Thread-safe.</summary>
/// <param name="limit">Most connections at once.</param>
internal sealed class ConnectionBudget(int limit)
{
    private int _used;

    /// <summary>Connections now.</summary>
    internal int Used => Volatile.Read(ref _used);

    /// <summary>Takes one place; false when none is left.</summary>
    internal bool TryTake()
    {
        if (Interlocked.Increment(ref _used) <= limit) return true;
        Interlocked.Decrement(ref _used);
        return false;
    }

    /// <summary>Gives a place back.</summary>
    internal void Release() => Interlocked.Decrement(ref _used);
}
