using System.Numerics;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// Hashed timer wheel: constant time to schedule and to cancel, ticks of 8 ms, 1,024 buckets (8 s a turn); later timers wait
/// in their bucket for more turns. Timers fire up to one tick late, never early.
/// </summary>
internal sealed class TimerWheel
{
    internal const int TickMilliseconds = 8;
    private const int Buckets = 1024;

    private readonly LoopTimer?[] _heads = new LoopTimer?[Buckets];
    private readonly ulong[] _occupied = new ulong[Buckets / 64];
    private long _tick;

    /// <summary>Makes a wheel.</summary>
    /// <param name="nowMilliseconds">The time now.</param>
    internal TimerWheel(long nowMilliseconds) => _tick = nowMilliseconds / TickMilliseconds;

    /// <summary>Timers scheduled.</summary>
    internal int Count { get; private set; }

    /// <summary>Schedules a timer, or moves it when it is scheduled already.</summary>
    /// <param name="timer">The timer.</param>
    /// <param name="nowMilliseconds">The time now.</param>
    /// <param name="delay">From now; at least one tick passes.</param>
    internal void Schedule(LoopTimer timer, long nowMilliseconds, TimeSpan delay)
    {
        Cancel(timer);
        long due = nowMilliseconds + Math.Max(0, (long)delay.TotalMilliseconds);
        timer.DueTick = Math.Max(_tick + 1, (due + TickMilliseconds - 1) / TickMilliseconds);
        int bucket = (int)(timer.DueTick & (Buckets - 1));
        timer.Bucket = bucket;
        timer.Previous = null;
        timer.Next = _heads[bucket];
        if (timer.Next is not null) timer.Next.Previous = timer;
        _heads[bucket] = timer;
        _occupied[bucket >> 6] |= 1UL << (bucket & 63);
        Count++;
    }

    /// <summary>Takes a timer out; without effect when it is not scheduled.</summary>
    internal void Cancel(LoopTimer timer)
    {
        int bucket = timer.Bucket;
        if (bucket < 0) return;
        if (timer.Previous is null) _heads[bucket] = timer.Next;
        else timer.Previous.Next = timer.Next;
        if (timer.Next is not null) timer.Next.Previous = timer.Previous;
        timer.Next = timer.Previous = null;
        timer.Bucket = -1;
        if (_heads[bucket] is null) _occupied[bucket >> 6] &= ~(1UL << (bucket & 63));
        Count--;
    }

    /// <summary>Fires what is due.</summary>
    /// <param name="nowMilliseconds">The time now; never goes back.</param>
    internal void Advance(long nowMilliseconds)
    {
        long target = nowMilliseconds / TickMilliseconds;
        if (Count == 0 || target - _tick > Buckets)
        {
            // Idle or late by more than a turn: one look at every bucket is enough.
            if (Count == 0)
            {
                _tick = Math.Max(_tick, target);
                return;
            }

            _tick = target - Buckets;
        }

        while (_tick < target)
        {
            _tick++;
            FireBucket((int)(_tick & (Buckets - 1)), target);
        }
    }

    /// <summary>Milliseconds until the next bucket with a timer, for epoll_wait; -1 without timers.</summary>
    internal int MillisecondsToNext(long nowMilliseconds)
    {
        if (Count == 0) return -1;
        long dueTick = _tick + DistanceToOccupied((int)((_tick + 1) & (Buckets - 1))) + 1;
        return (int)Math.Clamp((dueTick * TickMilliseconds) - nowMilliseconds, 0, int.MaxValue);
    }

    private void FireBucket(int bucket, long target)
    {
        LoopTimer? timer = _heads[bucket];
        while (timer is not null)
        {
            LoopTimer? next = timer.Next;
            if (timer.DueTick <= target)
            {
                Cancel(timer);
                timer.Fire();

                // The callback may have changed the bucket: start again; what is not due yet is passed over.
                next = _heads[bucket];
            }

            timer = next;
        }
    }

    private int DistanceToOccupied(int from)
    {
        for (int step = 0; step <= Buckets;)
        {
            int bucket = (from + step) & (Buckets - 1);
            ulong word = _occupied[bucket >> 6] >> (bucket & 63);
            if (word != 0) return step + BitOperations.TrailingZeroCount(word);
            step += 64 - (bucket & 63);
        }

        return Buckets;
    }
}
