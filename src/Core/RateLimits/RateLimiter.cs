using System.Security.Cryptography;

namespace Culvert.Core;

/// <summary>
/// Counts the requests to one workload that one rule of a RateLimit is about: in one bucket, or in one for each identity or value of a header. Of these there is a bounded number; where all are in use
/// further ones of an identity that has most of them share one bucket. May be used by many threads at once; only a value that is seen for the first time takes a lock.
/// </summary>
/// <param name="limit">What is counted.</param>
public sealed class RateLimiter(RateLimit limit)
{
    /// <summary>Most buckets of one rule and workload, besides the one that is shared.</summary>
    public const int MostBuckets = 1024;

    private const long BetweenNews = 1_000_000_000;

    private readonly TokenBucket _shared = new();
    private readonly BucketTable? _buckets = limit.By == RateLimitBy.All ? null : new();
    private long _nextNews;
    private int _most = MostBuckets;

    /// <summary>What is counted.</summary>
    public RateLimit Limit => limit;

    /// <summary>How many buckets it may have, besides the shared one.</summary>
    public int Most
    {
        get => Volatile.Read(ref _most);
        set => Volatile.Write(ref _most, value);
    }

    /// <summary>How many buckets it has, besides the shared one.</summary>
    public int Count => _buckets?.Count ?? 0;

    /// <summary>What stands for an identity or the value of a header: values may be secrets, and as long as a head, and neither has a place in memory for long.</summary>
    /// <param name="value">It.</param>
    public static UInt128 KeyOf(ReadOnlySpan<byte> value)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(value, digest);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(digest);
    }

    /// <summary>Counts a request.</summary>
    /// <param name="key">Whose it is; null: it has no such identity or header. Without meaning where all are counted together.</param>
    /// <param name="now">The time, in nanoseconds from any beginning; 0 or more.</param>
    /// <param name="delay">In how many nanoseconds it may pass; 0: at once.</param>
    /// <param name="mayDelay">Whether it may be one that has to wait.</param>
    /// <param name="caller">The identity of who sends it; null: none is proven.</param>
    /// <returns>0 when it may pass; else in how many nanoseconds one could.</returns>
    public long Take(UInt128? key, long now, out long delay, bool mayDelay = true, UInt128? caller = null) => BucketOf(key, caller, now).Take(now, limit, mayDelay, out delay);

    /// <summary>Takes back the count of a request that does not pass for another reason.</summary>
    /// <param name="key">As it was counted.</param>
    /// <param name="now">The time then.</param>
    /// <param name="caller">As it was counted.</param>
    internal void GiveBack(UInt128? key, long now, UInt128? caller) => BucketOf(key, caller, now).GiveBack(limit);

    /// <summary>Whether somebody is to be told of a request that did not pass: once in a second, whatever comes.</summary>
    public bool IsNews(long now)
    {
        long next = Volatile.Read(ref _nextNews);
        return now >= next && Interlocked.CompareExchange(ref _nextNews, now + BetweenNews, next) == next;
    }

    private TokenBucket BucketOf(UInt128? key, UInt128? caller, long now) => _buckets is null || key is null ? _shared : _buckets.Find(key.Value, caller, Most, now, _shared);
}
