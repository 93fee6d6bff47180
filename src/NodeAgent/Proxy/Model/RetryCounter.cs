using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Requests and repetitions of the last ten seconds (the interval of the Gateway API's retry constraint), second by second. Thread-safe.</summary>
internal sealed class RetryCounter
{
    private const int Seconds = 10;

    private readonly Lock _lock = new();
    private readonly Slot[] _slots = [.. Enumerable.Range(0, Seconds).Select(_ => new Slot())];

    /// <summary>A request has come, which is not a repetition.</summary>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    internal void CountRequest(long now) => Interlocked.Increment(ref SlotOf(now / 1000).Requests);

    /// <summary>Counts a repetition.</summary>
    /// <param name="budget">How many there may be.</param>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    /// <returns>False when there is no more room for one, which counts nothing.</returns>
    internal bool TryRepeat(RetryBudget budget, long now)
    {
        long second = now / 1000;
        lock (_lock)
        {
            long requests = 0, repetitions = 0;
            foreach (Slot slot in _slots)
            {
                if (slot.Second <= second - Seconds) continue;
                requests += Volatile.Read(ref slot.Requests);
                repetitions += slot.Repetitions;
            }

            if (repetitions >= (requests * budget.Percent / 100) + (budget.MinPerSecond * Seconds)) return false;
            SlotOf(second).Repetitions++;
            return true;
        }
    }

    private Slot SlotOf(long second)
    {
        Slot slot = _slots[second % Seconds];
        if (Volatile.Read(ref slot.Second) == second) return slot;
        lock (_lock)
        {
            if (slot.Second < second)
            {
                (slot.Requests, slot.Repetitions) = (0, 0);
                Volatile.Write(ref slot.Second, second);
            }
        }

        return slot;
    }

    private sealed class Slot
    {
        internal long Second = long.MinValue;
        internal int Requests;
        internal int Repetitions;
    }
}
