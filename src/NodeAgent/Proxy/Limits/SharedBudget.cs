namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>
/// Bounds what all loops together hold of one thing, and what each holder does: nobody may hold more than is free for others, so that n greedy ones together
/// leave one part of n + 1 (a dynamic threshold; Choudhury and Hahne, IEEE/ACM ToN 6(2), 1998). Thread-safe.
/// </summary>
/// <typeparam name="THolder">Who holds: a workload, an identity, an address.</typeparam>
/// <param name="limit">Most places taken at once; 1 or more.</param>
internal sealed class SharedBudget<THolder>(int limit)
    where THolder : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<THolder, int> _held = [];
    private int _used;

    /// <summary>Most places.</summary>
    internal int Limit => limit;

    /// <summary>Places taken now.</summary>
    internal int Used => Volatile.Read(ref _used);

    /// <summary>Takes one place, to be given back by <see cref="Release"/> when Taken is returned.</summary>
    internal BudgetAnswer TryTake(THolder holder)
    {
        lock (_lock)
        {
            int free = limit - _used;
            if (free <= 0) return BudgetAnswer.Full;
            int held = _held.GetValueOrDefault(holder);
            if (held >= free) return BudgetAnswer.OverShare;
            _held[holder] = held + 1;
            _used++;
            return BudgetAnswer.Taken;
        }
    }

    /// <summary>Gives a place back.</summary>
    internal void Release(THolder holder)
    {
        lock (_lock)
        {
            int left = _held[holder] - 1;
            if (left == 0) _held.Remove(holder);
            else _held[holder] = left;
            _used--;
        }
    }
}
