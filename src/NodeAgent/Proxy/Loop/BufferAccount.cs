namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// The buffers of one workload or identity on one loop. It may have as many as are free for others (see <see cref="Limits.SharedBudget"/>), and is told to have its
/// peers send less as that comes near. Beyond it pays itself: its connection whose bytes have waited longest ends, and not that of somebody else. Belongs to its
/// loop's thread.
/// </summary>
internal sealed class BufferAccount
{
    private readonly BufferPool _pool;
    private readonly LinkedList<IBufferHolder> _waiting = new();

    internal BufferAccount(BufferPool pool, object holder) => (_pool, Holder) = (pool, holder);

    /// <summary>Who it is.</summary>
    internal object Holder { get; }

    /// <summary>Who uses it.</summary>
    internal int Users { get; set; }

    /// <summary>Buffers it has.</summary>
    internal int Rented { get; private set; }

    /// <summary>How near it is to its share: 0 far, 1 a quarter of it is used, 2 half of it.</summary>
    internal int Pressure => Rented * 4 < Rented + _pool.Free ? (Rented * 8 < Rented + _pool.Free ? 0 : 1) : 2;

    /// <summary>Called when <see cref="Pressure"/> may have risen.</summary>
    internal event Action? Rising;

    /// <summary>Takes a buffer, perhaps at the cost of another connection of the account, or of the one that asks.</summary>
    /// <param name="asking">The place of the connection that asks, which it has by <see cref="Wait"/>.</param>
    /// <returns>Null when it is the asking connection's turn to end.</returns>
    internal PooledBuffer? TryRent(LinkedListNode<IBufferHolder> asking)
    {
        while (Rented >= _pool.Free)
        {
            // Whoever holds the most pays when all together have used up what there is.
            BufferAccount payer = _pool.Free > 0 || _pool.Largest() is not { } largest ? this : largest;
            LinkedListNode<IBufferHolder>? first = payer._waiting.First;
            if (first is null || ReferenceEquals(first, asking)) return null;
            int before = _pool.Rented;
            first.Value.GiveUp();
            if (_pool.Rented >= before) return null;
        }

        PooledBuffer? buffer = _pool.TryRent();
        if (buffer is null) return null;
        int pressure = Pressure;
        Rented++;
        if (Pressure > pressure) Rising?.Invoke();
        return buffer;
    }

    /// <summary>Gives a buffer back.</summary>
    internal void Return(PooledBuffer buffer)
    {
        Rented--;
        _pool.Return(buffer);
    }

    /// <summary>A connection begins to wait, or its bytes move: it is the last to pay.</summary>
    internal void Wait(LinkedListNode<IBufferHolder> place)
    {
        if (place.List is not null) _waiting.Remove(place);
        _waiting.AddLast(place);
    }

    /// <summary>A connection has nothing more that waits.</summary>
    internal void Leave(LinkedListNode<IBufferHolder> place)
    {
        if (place.List is not null) _waiting.Remove(place);
    }
}
