namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>When the last errors were, to find out whether so many have come within a time, wherever that begins. Belongs to whoever holds its lock.</summary>
/// <param name="count">How many make it enough; above 0.</param>
internal sealed class RecentErrors(int count)
{
    private readonly long[] _times = new long[count];
    private int _next;
    private int _known;

    /// <summary>How many make it enough.</summary>
    internal int Enough => _times.Length;

    /// <summary>Notes an error.</summary>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    /// <param name="window">The time, in milliseconds.</param>
    /// <returns>Whether there have been enough within the time, this one among them.</returns>
    internal bool Add(long now, long window)
    {
        _times[_next] = now;
        _next = (_next + 1) % _times.Length;
        _known = Math.Min(_known + 1, _times.Length);
        return _known == _times.Length && now - _times[_next] <= window; // the next place is that of the oldest
    }

    /// <summary>Forgets all.</summary>
    internal void Clear() => (_next, _known) = (0, 0);
}
