namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>
/// How many UDP sockets of the proxy have ports that are not its own, in each network namespace. While one has a port, no program there can take that, and connect(2) of others does not choose it: there must
/// be enough left. Thread-safe.
/// </summary>
internal sealed class BoundPorts
{
    /// <summary>Most in one namespace: enough for busy sessions, and a seventh of the ports that Linux gives out by itself where nobody has set that (32768 to 60999).</summary>
    internal const int Most = 4096;

    private readonly Dictionary<object, int> _inside = [];
    private readonly int _most;
    private readonly Lock _lock = new();
    private int _own;

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
            int used = space is null ? _own : _inside.GetValueOrDefault(space);
            if (used >= _most) return false;
            if (space is null) _own++;
            else _inside[space] = used + 1;
            return true;
        }
    }

    /// <summary>Gives a place back.</summary>
    /// <param name="space">What it was taken in.</param>
    internal void GiveBack(object? space)
    {
        lock (_lock)
        {
            if (space is null) _own--;
            else if (_inside[space] == 1) _inside.Remove(space);
            else _inside[space]--;
        }
    }
}
