namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>
/// How long a backend has taken of late to answer: an average that forgets exponentially, but takes a longer time at once, so that a backend that gets slow is left before many have waited
/// (as the peak EWMA of Finagle and Linkerd). Thread-safe, without locks.
/// </summary>
internal sealed class ResponseTime
{
    /// <summary>In so many milliseconds all but a part of 1/e is forgotten.</summary>
    internal const double Memory = 10_000;

    // The average in microseconds as a float, and in the lower half when it was brought up to date, in milliseconds. 0: nothing has been measured.
    private long _state;

    /// <summary>A request was answered.</summary>
    /// <param name="microseconds">After so long.</param>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    internal void Add(double microseconds, long now)
    {
        long before, after;
        do
        {
            before = Volatile.Read(ref _state);
            double kept = Kept(before, now), average = AverageOf(before);
            double next = microseconds > average * kept ? microseconds : (average * kept) + (microseconds * (1 - kept));
            after = ((long)BitConverter.SingleToUInt32Bits((float)Math.Max(next, 1)) << 32) | (uint)now;
        }
        while (Interlocked.CompareExchange(ref _state, after, before) != before);
    }

    /// <summary>The average in microseconds, of which less and less is left while nothing is measured, so that a backend that was slow is asked again; 0 before anything was.</summary>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    internal double At(long now)
    {
        long state = Volatile.Read(ref _state);
        return AverageOf(state) * Kept(state, now);
    }

    private static double AverageOf(long state) => BitConverter.UInt32BitsToSingle((uint)(state >> 32));

    // Another thread may have been a moment ahead.
    private static double Kept(long state, long now) => Math.Exp(-Math.Max(0, unchecked((int)((uint)now - (uint)state))) / Memory);
}
