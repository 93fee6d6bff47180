namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>
/// How many UDP sockets of the proxy have ports that are not its own, in each network namespace. While one has a port, no program there can take that, and connect(2) of others does not choose it: there must
/// be enough left. Thread-safe.
/// </summary>
internal sealed class BoundPorts
{
    /// <summary>Most in one namespace: enough for busy sessions, and a seventh of the ports that Linux gives out by itself where nobody has set that (32768 to 60999).</summary>
    internal const int Most = 4096;

    // By what stands for the namespace; this object itself does for the node's own.
    private readonly Dictionary<object, int> _used = [];
    private readonly int _most;
    private readonly Lock _lock = new();

    /// <summary>Counts none yet.</summary>
    /// <param name="most">Most in one namespace.</param>
    internal BoundPorts(int most) => _most = most;

    /// <summary>The most where the kernel has so many ports to give out by itself: no more than a quarter of them.</summary>
    internal static int MostOf(int ports) => Math.Clamp(ports / 4, 1, Most);

    /// <summary>Takes a place in a namespace; false when all are taken.</summary>
    /// <param name="space">What stands for the namespace; null: the node's own.</param>
    internal bool TryTake(object? space)
    {
        lock (_lock)
        {
            int used = _used.GetValueOrDefault(space ?? this);
            if (used >= _most) return false;
            _used[space ?? this] = used + 1;
            return true;
        }
    }

    /// <summary>Gives a place back.</summary>
    /// <param name="space">What it was taken in.</param>
    internal void GiveBack(object? space)
    {
        lock (_lock)
        {
            if (--_used[space ?? this] == 0) _used.Remove(space ?? this);
        }
    }
}
