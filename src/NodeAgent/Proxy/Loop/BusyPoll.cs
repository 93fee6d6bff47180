using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// How long a loop that had something to do polls for more before it sleeps (busy polling). To wake a processor that went idle takes longer than
/// all a proxy does for a message, so a little polling pays when more comes soon; when nothing came, the next poll is not taken.
/// The rule is that of the kernel's halt polling, kept apart by what came last: an answering application is back soon,
/// another node is not. A loop polls at most twice as long as it works. Others run meanwhile, and a loop that finds them to need
/// the processor leaves it to them: only who sleeps is woken on a processor that is free. Belongs to its loop's thread.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="longest">Longest poll, 0 to 1 ms; 0 for none.</param>
internal sealed class BusyPoll(TimeProvider time, TimeSpan longest)
{
    private const long FirstMicroseconds = 10;

    // Sources that share a memory only guess worse.
    private const int Memories = 64;

    /// <summary>An answering program of the pod is back sooner; a compiler or a kernel thread is not.</summary>
    private const long LongYieldMicroseconds = 50;

    /// <summary>Measured (1 connection between nodes, 2 cores, a busy program): with 5 and 20 ms p99 is as without any polling, with none it is twice that.</summary>
    private const long RestMicroseconds = 10_000;

    private const long MostCreditMicroseconds = 1_000;

    // With 1 the median of a datagram's answer through the proxy was as of nginx, with 2 it is 1.5 times better (measured, 2 cores).
    private const long LooksPerWork = 2;

    private readonly long _perMicrosecond = Math.Max(1, time.TimestampFrequency / 1_000_000);
    private readonly long _longestMicroseconds = (long)longest.TotalMicroseconds;
    private readonly long[] _budgets = new long[Memories];
    private int _memory;
    private long _credit;
    private bool _hadCredit;
    private long _began;
    private long _restsUntil;

    /// <summary>Polls for events adaptively, as long as it has found some lately; 0 when none came and the caller is to sleep.</summary>
    /// <param name="epoll">Where to look.</param>
    /// <param name="events">Receives them.</param>
    /// <param name="interrupted">Whether something else waits for the loop.</param>
    /// <param name="last">The token of what came last.</param>
    internal int Poll(EpollHandle epoll, EpollBuffer events, Func<bool> interrupted, ulong last)
    {
        _memory = (int)(last % Memories);
        _began = time.GetTimestamp();
        long most = _budgets[_memory] * _perMicrosecond;
        _hadCredit = _credit >= most;
        if (most == 0 || !_hadCredit || _began < _restsUntil) return 0;
        int count = Look(epoll, events, interrupted, _began + most, out long now);
        _credit -= now - _began;
        return count;
    }

    /// <summary>The caller has worked for so long, as the clock counts: it may poll for twice as long.</summary>
    internal void Worked(long ticks) => _credit = Math.Min(_credit + (LooksPerWork * ticks), MostCreditMicroseconds * _perMicrosecond);

    private int Look(EpollHandle epoll, EpollBuffer events, Func<bool> interrupted, long end, out long now)
    {
        now = _began;
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
        if (!_hadCredit) return;
        long now = time.GetTimestamp();
        bool soon = now - _began < _longestMicroseconds * _perMicrosecond && now >= _restsUntil;
        ref long budget = ref _budgets[_memory];
        budget = !soon ? 0 : Math.Min(_longestMicroseconds, Math.Max(FirstMicroseconds, budget * 2));
    }
}
