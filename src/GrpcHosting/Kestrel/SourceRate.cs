namespace Culvert.GrpcHosting;

/// <summary>
/// Bounds how much each source begins a second (a token bucket), such as the connections of an address, so that a flood costs an accept and a close, and no handshake. A source is known until its bucket is full again; beyond
/// <see cref="MostSources"/> of them all others share one. Safe for any number of threads.
/// </summary>
/// <typeparam name="TSource">What sources are known by.</typeparam>
public sealed class SourceRate<TSource>
    where TSource : notnull
{
    /// <summary>Most sources with a bucket of their own.</summary>
    public const int MostSources = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<TSource, Bucket> _buckets = [];
    private readonly double _perSecond;
    private readonly int _burst;
    private readonly TimeProvider _time;
    private readonly Bucket _others;
    private long _sweptAt;

    /// <summary>Knows no source yet.</summary>
    /// <param name="perSecond">Of a source a second, more than 0.</param>
    /// <param name="burst">Of one at once after a pause, at least 1.</param>
    /// <param name="time">The clock.</param>
    public SourceRate(double perSecond, int burst, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(perSecond);
        ArgumentOutOfRangeException.ThrowIfLessThan(burst, 1);
        ArgumentNullException.ThrowIfNull(time);
        (_perSecond, _burst, _time, _sweptAt) = (perSecond, burst, time, time.GetTimestamp());
        _others = new(burst, _sweptAt);
    }

    /// <summary>Sources with a bucket of their own now.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _buckets.Count;
        }
    }

    /// <summary>Counts one of a source; false where it is one too many.</summary>
    public bool TryTake(TSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        lock (_lock)
        {
            long now = _time.GetTimestamp();
            Bucket bucket = Find(source, now);
            Fill(bucket, now);
            if (bucket.Tokens < 1) return false;
            bucket.Tokens--;
            return true;
        }
    }

    /// <summary>Whether a source has a bucket of its own; otherwise it shares one with all others, or was not here yet.</summary>
    public bool HasOwn(TSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        lock (_lock) return _buckets.ContainsKey(source);
    }

    private Bucket Find(TSource source, long now)
    {
        if (_buckets.TryGetValue(source, out Bucket? known)) return known;
        if (_buckets.Count >= MostSources) Sweep(now);
        if (_buckets.Count >= MostSources) return _others;
        Bucket added = new(_burst, now);
        _buckets.Add(source, added);
        return added;
    }

    /// <summary>Forgets who is as one that was never there; once in as long as a bucket needs to be full, since all have to be looked at.</summary>
    private void Sweep(long now)
    {
        if (_time.GetElapsedTime(_sweptAt, now).TotalSeconds * _perSecond < _burst) return;
        _sweptAt = now;
        foreach ((TSource source, Bucket bucket) in _buckets)
        {
            Fill(bucket, now);
            if (bucket.Tokens >= _burst) _buckets.Remove(source);
        }
    }

    private void Fill(Bucket bucket, long now)
    {
        bucket.Tokens = Math.Min(_burst, bucket.Tokens + (_time.GetElapsedTime(bucket.FilledAt, now).TotalSeconds * _perSecond));
        bucket.FilledAt = now;
    }

    private sealed class Bucket(double tokens, long filledAt)
    {
        public double Tokens { get; set; } = tokens;

        public long FilledAt { get; set; } = filledAt;
    }
}
