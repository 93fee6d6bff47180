using System.Threading.Channels;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>
/// The last flows and whoever follows them live. Bounded: the oldest record makes room, and a follower that reads too
/// slowly loses records, which it is told. Thread-safe.
/// </summary>
public sealed class FlowLog(int capacity = FlowLog.DefaultCapacity)
{
    /// <summary>Records kept for <c>culvert flows --last</c>.</summary>
    public const int DefaultCapacity = 4096;

    private const int FollowerQueue = 8192;
    private readonly Queue<FlowRecord> _last = new(capacity);
    private readonly List<FlowFollower> _followers = [];
    private readonly Lock _lock = new();

    /// <summary>Adds a record and hands it to every follower.</summary>
    public void Add(FlowRecord record)
    {
        lock (_lock)
        {
            if (_last.Count == capacity) _last.Dequeue();
            _last.Enqueue(record);
            foreach (FlowFollower follower in _followers) follower.Offer(record);
        }
    }

    /// <summary>The last records, oldest first, and, without a gap between, a follower for what comes after; dispose it to stop.</summary>
    public (IReadOnlyList<FlowRecord> Last, FlowFollower Follower) Follow()
    {
        lock (_lock)
        {
            FlowFollower follower = new(FollowerQueue, Remove);
            _followers.Add(follower);
            return ([.. _last], follower);
        }
    }

    private void Remove(FlowFollower follower)
    {
        lock (_lock) _followers.Remove(follower);
    }
}

/// <summary>A live reader of the <see cref="FlowLog"/>. One reader at a time.</summary>
public sealed class FlowFollower : IDisposable
{
    private readonly Channel<FlowRecord> _queue;
    private readonly Action<FlowFollower> _remove;
    private long _lost;

    internal FlowFollower(int capacity, Action<FlowFollower> remove)
    {
        _queue = Channel.CreateBounded<FlowRecord>(new BoundedChannelOptions(capacity) { SingleReader = true });
        _remove = remove;
    }

    /// <summary>Records to come.</summary>
    public ChannelReader<FlowRecord> Reader => _queue.Reader;

    /// <summary>Records that came faster than they were read.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Stops following.</summary>
    public void Dispose()
    {
        _remove(this);
        _queue.Writer.TryComplete();
    }

    internal void Offer(FlowRecord record)
    {
        if (!_queue.Writer.TryWrite(record)) Interlocked.Increment(ref _lost);
    }
}
