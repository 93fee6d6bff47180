using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>
/// Bounds what all loops together hold of one thing, and what each holder does: nobody may hold more than is free for others, so that n greedy ones together
/// leave one part of n + 1 (a dynamic threshold; Choudhury and Hahne, IEEE/ACM ToN 6(2), 1998). The same within a holder for those on whose behalf it holds.
/// Thread-safe.
/// </summary>
/// <param name="limit">Most places taken at once; 1 or more.</param>
internal sealed class SharedBudget(int limit)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<BudgetHolder, int> _held = [];
    private int _used;

    /// <summary>Most places.</summary>
    internal int Limit => limit;

    /// <summary>Places taken now.</summary>
    internal int Used => Volatile.Read(ref _used);

    /// <summary>Takes one place, to be given back by <see cref="Release"/> with the same arguments when Taken is returned.</summary>
    /// <param name="holder">Who holds it.</param>
    /// <param name="onBehalfOf">The client that has a workload hold it: each may have as much as is left of the workload's share. Null: nobody else.</param>
    internal BudgetResult TryTake(in BudgetHolder holder, SocketEndPoint? onBehalfOf = null)
    {
        lock (_lock)
        {
            int free = limit - _used;
            if (free <= 0) return BudgetResult.Full;
            int held = _held.GetValueOrDefault(holder);
            if (held >= free) return BudgetResult.OverShare;
            if (onBehalfOf is { } client)
            {
                BudgetHolder part = holder with { Address = client.WithPort(0) };
                int has = _held.GetValueOrDefault(part);
                if (has >= free - held) return BudgetResult.OverShare;
                _held[part] = has + 1;
            }

            _held[holder] = held + 1;
            _used++;
            return BudgetResult.Taken;
        }
    }

    /// <summary>Gives places back.</summary>
    internal void Release(in BudgetHolder holder, SocketEndPoint? onBehalfOf = null, int count = 1)
    {
        lock (_lock)
        {
            Reduce(holder, count);
            if (onBehalfOf is { } client) Reduce(holder with { Address = client.WithPort(0) }, count);
            _used -= count;
        }
    }

    private void Reduce(in BudgetHolder holder, int count)
    {
        int left = _held[holder] - count;
        if (left == 0) _held.Remove(holder);
        else _held[holder] = left;
    }
}
