using System.Collections.Concurrent;
using Culvert.Http2;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>The records of one loop: those of requests that are over wait here for the writer, and come back when they are written. Bounded, so that a writer that can't follow costs records and not memory. Thread-safe.</summary>
/// <param name="time">The clock.</param>
/// <param name="random">What draws, and makes ids; thread-safe.</param>
internal sealed class RequestRecords(TimeProvider time, Random random)
{
    /// <summary>Most that wait: what a loop does in a tenth of a second, about.</summary>
    internal const int MostWaiting = 4096;

    // Kept for later requests: twice what the fastest loop does until the writer looks again.
    private const int MostFree = 1024;

    private readonly ConcurrentQueue<RequestRecord> _waiting = new();
    private readonly ConcurrentQueue<RequestRecord> _free = new();
    private int _waitingCount;
    private int _freeCount;

    /// <summary>What draws, and makes ids.</summary>
    internal Random Random => random;

    /// <summary>A head as a server gets it, until the next is made; of the loop alone. Not of a record: thousands run at once.</summary>
    internal HeaderList ForServer { get; } = new();

    /// <summary>How long it is since a timestamp.</summary>
    internal TimeSpan Elapsed(long since) => time.GetElapsedTime(since);

    /// <summary>One that nobody uses.</summary>
    internal RequestRecord Rent()
    {
        if (!_free.TryDequeue(out RequestRecord? record)) return new RequestRecord(this);
        Interlocked.Decrement(ref _freeCount);
        return record;
    }

    /// <summary>One is not needed any more.</summary>
    internal void Return(RequestRecord record)
    {
        record.Clear();
        if (Interlocked.Increment(ref _freeCount) <= MostFree) _free.Enqueue(record);
        else Interlocked.Decrement(ref _freeCount);
    }

    /// <summary>One is to be written.</summary>
    /// <returns>False when too many wait.</returns>
    internal bool TryAdd(RequestRecord record)
    {
        if (Interlocked.Increment(ref _waitingCount) > MostWaiting)
        {
            Interlocked.Decrement(ref _waitingCount);
            return false;
        }

        _waiting.Enqueue(record);
        return true;
    }

    /// <summary>The one that has waited longest; null when none does.</summary>
    internal RequestRecord? TryTake()
    {
        if (!_waiting.TryDequeue(out RequestRecord? record)) return null;
        Interlocked.Decrement(ref _waitingCount);
        return record;
    }
}
