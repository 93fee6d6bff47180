using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>
/// How many UDP sockets of the proxy have ports that are not its own, in each network namespace. While one has a port, no program there can take that, and connect(2) of others does not choose it: there must
/// be enough left. Thread-safe.
/// </summary>
internal sealed class BoundPorts
{
    /// <summary>Most in one namespace: a seventh of the ports that Linux gives out by itself (32768 to 60999), unless it is set to fewer.</summary>
    internal const int Most = 4096;

    private readonly Dictionary<PodSpace, int> _inside = [];
    private readonly int _most;
    private readonly Lock _lock = new();
    private int _own;

    /// <summary>Counts none yet.</summary>
    /// <param name="most">Most in one namespace.</param>
    internal BoundPorts(int most) => _most = most;

    /// <summary>The most for this machine: no more than a quarter of the ports that it gives out by itself.</summary>
    /// <param name="range">What /proc/sys/net/ipv4/ip_local_port_range says: the first and the last.</param>
    internal static int MostOf(string range)
    {
        string[] ends = range.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return ends.Length == 2 && int.TryParse(ends[0], out int first) && int.TryParse(ends[1], out int last) ? Math.Clamp((last - first + 1) / 4, 1, Most) : Most;
    }

    /// <summary>Takes a place in a namespace, or, for null, in the node's own; false when all are taken.</summary>
    internal bool TryTake(PodSpace? space)
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
    internal void GiveBack(PodSpace? space)
    {
        lock (_lock)
        {
            if (space is null) _own--;
            else if (_inside[space] == 1) _inside.Remove(space);
            else _inside[space]--;
        }
    }
}
