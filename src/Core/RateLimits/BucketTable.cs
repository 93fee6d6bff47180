using System.Collections.Concurrent;

namespace Culvert.Core;

/// <summary>
/// The buckets of the identities or values of one rule and workload, of which there is a bounded number. Where all are in use, those whose identity has most give way to those of others, so that nobody takes all by inventing values. May be
/// used by many threads at once; only a value that is seen for the first time takes a lock.
/// </summary>
internal sealed class BucketTable
{
    // To look for buckets that are full again takes some microseconds.
    private const long BetweenSweeps = 1_000_000_000;

    private readonly ConcurrentDictionary<UInt128, (TokenBucket Bucket, UInt128 Caller)> _buckets = new();
    private readonly Lock _making = new();
    private readonly Dictionary<UInt128, int> _held = []; // of each caller
    private readonly Dictionary<UInt128, TokenBucket> _further = []; // of callers whose further values share one
    private long _nextSweep;
    private int _count;

    /// <summary>How many there are, but for those that are shared.</summary>
    internal int Count => Volatile.Read(ref _count);

    /// <summary>The bucket of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="caller">Whose request it is of; null: of one who has proven no identity.</param>
    /// <param name="most">How many there may be.</param>
    /// <param name="now">The time, in nanoseconds.</param>
    /// <param name="shared">What those have together for whom there is none.</param>
    internal TokenBucket Find(UInt128 key, UInt128? caller, int most, long now, TokenBucket shared)
    {
        if (_buckets.TryGetValue(key, out var found)) return found.Bucket;
        UInt128 of = caller ?? 0;
        lock (_making)
        {
            if (_buckets.TryGetValue(key, out found)) return found.Bucket;
            if (_count >= most) Sweep(now);
            if (_count >= most && !TryMakeRoom(of)) return caller is null || !_held.ContainsKey(of) ? shared : FurtherOf(of);
            TokenBucket made = new();
            _buckets[key] = (made, of);
            _held[of] = _held.GetValueOrDefault(of) + 1;
            _count++;
            return made;
        }
    }

    // Each caller that has one here has buckets, so that there are no more of these.
    private TokenBucket FurtherOf(UInt128 caller)
    {
        if (!_further.TryGetValue(caller, out TokenBucket? bucket)) _further[caller] = bucket = new TokenBucket();
        return bucket;
    }

    // A bucket that is full again is as good as a new one.
    private void Sweep(long now)
    {
        if (now < _nextSweep) return;
        _nextSweep = now + BetweenSweeps;
        foreach ((UInt128 key, (TokenBucket bucket, _)) in _buckets)
        {
            if (bucket.IsFull(now)) Remove(key);
        }
    }

    // No caller is left with fewer than who comes in its place.
    private bool TryMakeRoom(UInt128 caller)
    {
        (UInt128 largest, int held) = _held.MaxBy(h => h.Value);
        if (held <= _held.GetValueOrDefault(caller) + 1) return false;
        foreach ((UInt128 key, (_, UInt128 of)) in _buckets)
        {
            if (of != largest) continue;
            Remove(key);
            return true;
        }

        return false;
    }

    private void Remove(UInt128 key)
    {
        if (!_buckets.TryRemove(key, out var removed)) return;
        _count--;
        if (--_held[removed.Caller] > 0) return;
        _held.Remove(removed.Caller);
        _further.Remove(removed.Caller);
    }
}
