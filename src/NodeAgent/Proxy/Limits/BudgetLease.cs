using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Limits;

/// <summary>The places that one connection or session has in a <see cref="SharedBudget"/>, one for each descriptor. For one thread at a time.</summary>
/// <param name="budget">The budget.</param>
/// <param name="holder">Who holds them.</param>
/// <param name="onBehalfOf">The client that has the holder hold them, or null.</param>
internal sealed class BudgetLease(SharedBudget budget, BudgetHolder holder, SocketEndPoint? onBehalfOf = null) : IDisposable
{
    private int _taken;

    /// <summary>Called once when all places are given back; null: nothing is.</summary>
    internal Action? Disposed { private get; set; }

    /// <summary>Takes one more place.</summary>
    internal BudgetResult TryTake()
    {
        BudgetResult answer = budget.TryTake(holder, onBehalfOf);
        if (answer == BudgetResult.Taken) _taken++;
        return answer;
    }

    /// <summary>Gives one place back.</summary>
    internal void GiveBack()
    {
        _taken--;
        budget.Release(holder, onBehalfOf);
    }

    /// <summary>Moves one place to a lease of its own.</summary>
    internal BudgetLease Split()
    {
        _taken--;
        return new BudgetLease(budget, holder, onBehalfOf) { _taken = 1 };
    }

    /// <summary>Gives all places back; there may be further ones later.</summary>
    public void Dispose()
    {
        if (_taken > 0) budget.Release(holder, onBehalfOf, _taken);
        _taken = 0;
        Action? disposed = Disposed;
        Disposed = null;
        disposed?.Invoke();
    }
}
