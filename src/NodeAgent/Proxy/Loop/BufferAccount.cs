using Culvert.NodeAgent.Proxy.Limits;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// The buffers of one workload, identity or address outside the mesh on one loop. It may have as many as are free for others (see <see cref="SharedBudget"/>), and is told to have its
/// peers send less as that comes near. Beyond it pays itself: its connection whose bytes have waited longest ends, and not that of somebody else. Belongs to its
/// loop's thread.
/// </summary>
internal sealed class BufferAccount
{
    private readonly BufferPool _pool;

    // Those who lose datagrams only stand in front.
    private readonly LinkedList<IBufferHolder> _waiting = new();
    private LinkedListNode<IBufferHolder>? _lastOfDatagrams;

    internal BufferAccount(BufferPool pool, in BudgetHolder holder) => (_pool, Holder) = (pool, holder);

    /// <summary>Who it is.</summary>
    internal BudgetHolder Holder { get; }

    /// <summary>Who uses it.</summary>
    internal int Users { get; set; }

    /// <summary>Buffers it has.</summary>
    internal int Rented { get; private set; }

    /// <summary>How near it is to its share: 0 far, 1 a quarter of it is used, 2 half of it.</summary>
    internal int Pressure => Rented * 4 < Rented + _pool.Free ? (Rented * 8 < Rented + _pool.Free ? 0 : 1) : 2;

    /// <summary>Bytes its peers may send beyond what everybody's may; see <see cref="TryPromise"/>.</summary>
    internal long Promised { get; private set; }

    /// <summary>Called when <see cref="Pressure"/> may have risen.</summary>
    internal event Action? Rising;

    /// <summary>Takes a buffer, perhaps at the cost of another connection of the account, or of the one that asks.</summary>
    /// <param name="asking">The place of the connection that asks, which it has by <see cref="Wait"/>.</param>
    /// <returns>Null when it is the asking connection's turn to end, or the asking datagram's to be dropped.</returns>
    internal PooledBuffer? TryRent(LinkedListNode<IBufferHolder> asking)
    {
        while (Rented >= _pool.Free)
        {
            // Whoever holds the most pays when all together have used up what there is.
            BufferAccount payer = _pool.Free > 0 || _pool.Largest() is not { } largest ? this : largest;
            LinkedListNode<IBufferHolder>? first = payer._waiting.First;
            if (first is null || ReferenceEquals(first, asking) || (asking.Value.LosesDatagrams && !first.Value.LosesDatagrams)) return null;
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

    /// <summary>
    /// Asks whether a peer of a fast stream may send so much more before it hears from here. All of it may have to be held when the reader stops, so an account gets
    /// a quarter of what is left at most: it stays well below the share beyond which connections end.
    /// </summary>
    internal bool TryPromise(int bytes)
    {
        long left = ((long)_pool.Free * BufferPool.BufferSize) - _pool.Promised;
        if (Pressure > 0 || (Promised + bytes) * 4 > left) return false;
        Promised += bytes;
        _pool.Promised += bytes;
        return true;
    }

    /// <summary>Undoes <see cref="TryPromise"/>, for so many bytes.</summary>
    internal void TakeBack(int bytes)
    {
        Promised -= bytes;
        _pool.Promised -= bytes;
    }

    /// <summary>Bytes that it has beside buffers; see <see cref="TryKeep"/>.</summary>
    internal long KeptBytes { get; private set; }

    /// <summary>
    /// Asks whether so many bytes more may be kept for it beside buffers, as heads of requests are. It may have as many as are free for others, whatever it has of buffers. What there is no room for is refused, and nobody pays.
    /// </summary>
    /// <param name="bytes">How many; to be given back by <see cref="Drop"/>.</param>
    internal bool TryKeep(int bytes)
    {
        if (!HasRoomToKeep(bytes)) return false;
        KeptBytes += bytes;
        _pool.KeptBytes += bytes;
        return true;
    }

    /// <summary>Whether so many bytes more might be kept; see <see cref="TryKeep"/>.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="part">Which part of its share it may have for that: 4 is a fourth.</param>
    internal bool HasRoomToKeep(int bytes, int part = 1) => (KeptBytes + bytes) * part <= _pool.FreeToKeep;

    /// <summary>Undoes <see cref="TryKeep"/>, for so many bytes; also when nobody uses the account any more.</summary>
    internal void Drop(long bytes)
    {
        KeptBytes -= bytes;
        _pool.KeptBytes -= bytes;
        _pool.Forget(this);
    }

    /// <summary>Gives a buffer back.</summary>
    internal void Return(PooledBuffer buffer)
    {
        Rented--;
        _pool.Return(buffer);
        _pool.Forget(this);
    }

    /// <summary>A connection begins to wait, or its bytes move: it is the last to pay.</summary>
    internal void Wait(LinkedListNode<IBufferHolder> place)
    {
        Leave(place);
        if (!place.Value.LosesDatagrams)
        {
            _waiting.AddLast(place);
            return;
        }

        if (_lastOfDatagrams is null) _waiting.AddFirst(place);
        else _waiting.AddAfter(_lastOfDatagrams, place);
        _lastOfDatagrams = place;
    }

    /// <summary>A connection has nothing more that waits.</summary>
    internal void Leave(LinkedListNode<IBufferHolder> place)
    {
        if (place.List is null) return;
        if (ReferenceEquals(place, _lastOfDatagrams)) _lastOfDatagrams = place.Previous;
        _waiting.Remove(place);
    }
}
