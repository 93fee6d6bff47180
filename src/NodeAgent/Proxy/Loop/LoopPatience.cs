using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// How long a loop that got datagrams looks for more before it sleeps. To be woken costs their sender more than all else it does
/// for one, so a little looking pays when more comes soon; when nothing came, the next look is not taken. Others run meanwhile.
/// The rule is that of the kernel's halt polling. Belongs to its loop's thread.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class LoopPatience(TimeProvider time)
{
    private const long FirstMicroseconds = 10;
    private const long MaxMicroseconds = 80;

    private readonly long _perMicrosecond = Math.Max(1, time.TimestampFrequency / 1_000_000);
    private long _patience;
    private long _began;

    /// <summary>Looks for events as long as it has paid lately; 0 when none came and the caller is to sleep.</summary>
    /// <param name="epoll">Where to look.</param>
    /// <param name="events">Receives them.</param>
    /// <param name="interrupted">Whether something else waits for the loop.</param>
    internal int Linger(EpollHandle epoll, EpollBuffer events, Func<bool> interrupted)
    {
        _began = time.GetTimestamp();
        if (_patience == 0) return 0;
        long end = _began + (_patience * _perMicrosecond);
        do
        {
            Thread.Yield();
            int count = epoll.Wait(events, 0);
            if (count > 0) return count;
        }
        while (time.GetTimestamp() < end && !interrupted());
        return 0;
    }

    /// <summary>The caller has slept after all, until now.</summary>
    internal void Slept()
    {
        bool soon = time.GetTimestamp() - _began < MaxMicroseconds * _perMicrosecond;
        _patience = !soon ? 0 : _patience == 0 ? FirstMicroseconds : Math.Min(MaxMicroseconds, _patience * 2);
    }
}
