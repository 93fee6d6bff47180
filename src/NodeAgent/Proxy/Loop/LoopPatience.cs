using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// How long a loop that had something to do looks for more before it sleeps. To wake a processor that went idle takes longer than
/// all a proxy does for a message, so a little looking pays when more comes soon; when nothing came, the next look is not taken.
/// The rule is that of the kernel's halt polling. Others run meanwhile, and a loop that finds them to need the processor leaves it
/// to them: only who sleeps is woken on a processor that is free. Belongs to its loop's thread.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="longest">Longest look, 0 to 1 s; 0 for none.</param>
internal sealed class LoopPatience(TimeProvider time, TimeSpan longest)
{
    private const long FirstMicroseconds = 10;

    /// <summary>An answering program of the pod is back sooner; a compiler or a kernel thread is not.</summary>
    private const long LongYieldMicroseconds = 50;

    /// <summary>Measured (1 connection between nodes, 2 cores, a busy program): with 5 and 20 ms p99 is as without any lingering, with none it is twice that.</summary>
    private const long RestMicroseconds = 10_000;

    private readonly long _perMicrosecond = Math.Max(1, time.TimestampFrequency / 1_000_000);
    private readonly long _longestMicroseconds = (long)longest.TotalMicroseconds;
    private long _patience;
    private long _began;
    private long _restsUntil;

    /// <summary>Looks for events as long as it has paid lately; 0 when none came and the caller is to sleep.</summary>
    /// <param name="epoll">Where to look.</param>
    /// <param name="events">Receives them.</param>
    /// <param name="interrupted">Whether something else waits for the loop.</param>
    internal int Linger(EpollHandle epoll, EpollBuffer events, Func<bool> interrupted)
    {
        _began = time.GetTimestamp();
        if (_patience == 0) return 0;
        long end = _began + (_patience * _perMicrosecond);
        long now = _began;
        do
        {
            Thread.Yield();
            long yielded = now;
            now = time.GetTimestamp();
            if (now - yielded > LongYieldMicroseconds * _perMicrosecond) _restsUntil = now + (RestMicroseconds * _perMicrosecond);
            int count = epoll.Wait(events, 0);
            if (count > 0) return count;
        }
        while (now < end && now >= _restsUntil && !interrupted());
        return 0;
    }

    /// <summary>The caller has slept after all, until now.</summary>
    internal void Slept()
    {
        long now = time.GetTimestamp();
        bool soon = now - _began < _longestMicroseconds * _perMicrosecond && now >= _restsUntil;
        _patience = !soon ? 0 : _patience == 0 ? Math.Min(FirstMicroseconds, _longestMicroseconds) : Math.Min(_longestMicroseconds, _patience * 2);
    }
}
