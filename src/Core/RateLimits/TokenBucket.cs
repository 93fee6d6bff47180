namespace Culvert.Core;

/// <summary>
/// A bucket of one long, by the generic cell rate algorithm (ITU-T I.371, annex A): it keeps the time at which the next request would be on time. A request that comes no further ahead of that than the
/// tolerance passes, and moves it on by an interval. Used by many threads at once, without locks.
/// </summary>
internal sealed class TokenBucket
{
    private long _next;

    /// <summary>Takes one.</summary>
    /// <param name="now">The time, in nanoseconds from any beginning; 0 or more.</param>
    /// <param name="limit">The limit that is counted; always the same.</param>
    /// <param name="mayDelay">Whether it may be one that has to wait.</param>
    /// <param name="delay">After how many nanoseconds it may be used; 0: at once.</param>
    /// <returns>0 when it was taken; else in how many nanoseconds one could be.</returns>
    internal long Take(long now, RateLimit limit, bool mayDelay, out long delay)
    {
        (long interval, long atOnce) = (limit.Interval, limit.ToleranceAtOnce);
        long tolerance = mayDelay ? limit.Tolerance : atOnce;
        delay = 0;
        long seen = Volatile.Read(ref _next);
        while (true)
        {
            long due = Math.Max(seen, now);
            long wait = due - now - tolerance;
            if (wait > 0) return wait;
            long found = Interlocked.CompareExchange(ref _next, due + interval, seen);
            if (found == seen)
            {
                delay = Math.Max(0, due - now - atOnce);
                return 0;
            }

            seen = found;
        }
    }

    /// <summary>Gives back what was taken for a request that does not pass.</summary>
    internal void GiveBack(RateLimit limit) => Interlocked.Add(ref _next, -limit.Interval);

    /// <summary>Whether it is as one that nobody has taken of.</summary>
    internal bool IsFull(long now) => Volatile.Read(ref _next) <= now;
}
