namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// One series of a family. Updates count in the series itself and reach prometheus-net when somebody scrapes: the child of a histogram there costs more than an update may.
/// A series that is removed returns to its family with its next update, so that code which holds it loses nothing. Thread-safe.
/// </summary>
public abstract class Series
{
    private volatile bool _isRemoved;
    private long _seen;
    private DateTimeOffset _lastUse;

    private protected Series(string[] labels, DateTimeOffset now)
    {
        Labels = labels;
        _lastUse = now;
    }

    /// <summary>Its label values, in the order of the family's label names. They must not be changed.</summary>
    internal string[] Labels { get; }

    /// <summary>Whether it is not among the family's series.</summary>
    internal bool IsRemoved
    {
        get => _isRemoved;
        set => _isRemoved = value;
    }

    // The members below are for the family, under its lock.

    /// <summary>When it had its last update, as far as the sweeps have seen.</summary>
    internal DateTimeOffset LastUse(DateTimeOffset now)
    {
        long updates = Updates();
        if (updates != _seen) _lastUse = now;
        _seen = updates;
        return _lastUse;
    }

    /// <summary>Notes that it is in use.</summary>
    internal void Use(DateTimeOffset now) => _lastUse = now;

    /// <summary>Removes it, unless an update has come since <see cref="LastUse"/>.</summary>
    internal bool TryRemove()
    {
        // An update counts first and looks at this then: either it sees that the series is removed, or its count is seen here. Updates have no barrier.
        _isRemoved = true;
        Interlocked.MemoryBarrierProcessWide();
        if (!TryForget(_seen))
        {
            _isRemoved = false;
            return false;
        }

        _seen = 0;
        return true;
    }

    /// <summary>A number that grows with each update.</summary>
    private protected abstract long Updates();

    /// <summary>Goes back to 0 if there were just so many updates. An update that comes meanwhile stays counted.</summary>
    private protected abstract bool TryForget(long updates);
}
