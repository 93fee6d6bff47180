using Culvert.Interop.Memory;
using Culvert.NodeAgent.Proxy.Limits;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// Buffers of one size for bytes that wait for a slow socket. Bounded: what is rented never exceeds the limit, what is kept idle never exceeds a part of it; the
/// pages of others go back to the system. Belongs to one loop's thread.
/// </summary>
internal sealed class BufferPool : IDisposable
{
    /// <summary>Bytes per buffer: one TLS record, and a whole number of pages.</summary>
    internal const int BufferSize = 16 * 1024;

    // A fourth of the memory of buffers is what there may be beside them, of the heap.
    private const int PartToKeep = 4;

    private readonly PageMemory _memory;

    // Idle ones with their pages on top, the others below.
    private readonly Stack<PooledBuffer> _idle = new();
    private readonly Stack<PooledBuffer> _empty = new();
    private readonly Dictionary<BudgetHolder, BufferAccount> _accounts = [];
    private readonly int _maxRented;
    private readonly int _maxIdle;
    private int _made;

    /// <summary>Makes a pool.</summary>
    /// <param name="maxBytes">Most bytes rented at once.</param>
    /// <param name="maxIdleBytes">Most bytes kept for later.</param>
    internal BufferPool(long maxBytes, long maxIdleBytes)
    {
        _maxRented = (int)Math.Max(1, maxBytes / BufferSize);
        _maxIdle = (int)(maxIdleBytes / BufferSize);
        _memory = PageMemory.Create((long)_maxRented * BufferSize);
    }

    /// <summary>Bytes rented now.</summary>
    internal long RentedBytes => (long)Rented * BufferSize;

    /// <summary>Bytes kept idle now.</summary>
    internal long IdleBytes => (long)_idle.Count * BufferSize;

    /// <summary>Buffers that may still be rented.</summary>
    internal int Free => _maxRented - Rented;

    /// <summary>Buffers rented now.</summary>
    internal int Rented { get; private set; }

    /// <summary>Bytes that all accounts have promised to take; see <see cref="BufferAccount.TryPromise"/>.</summary>
    internal long Promised { get; set; }

    /// <summary>Bytes that all accounts have beside buffers; see <see cref="BufferAccount.TryKeep"/>.</summary>
    internal long KeptBytes { get; set; }

    /// <summary>Bytes that accounts may still have beside buffers.</summary>
    internal long FreeToKeep => ((long)_maxRented * BufferSize / PartToKeep) - KeptBytes;

    /// <summary>The account of a holder. There is one while somebody uses it, or bytes wait on it.</summary>
    internal BufferAccount Open(in BudgetHolder holder)
    {
        if (!_accounts.TryGetValue(holder, out BufferAccount? account)) _accounts.Add(holder, account = new BufferAccount(this, holder));
        account.Users++;
        return account;
    }

    /// <summary>Undoes one <see cref="Open"/>.</summary>
    internal void Close(BufferAccount account)
    {
        account.Users--;
        Forget(account);
    }

    /// <summary>Forgets an account that nobody uses and that has nothing; one that has buffers can be made to pay.</summary>
    internal void Forget(BufferAccount account)
    {
        if (account is { Users: 0, Rented: 0, KeptBytes: 0 } && _accounts.GetValueOrDefault(account.Holder) == account) _accounts.Remove(account.Holder);
    }

    /// <summary>The account with the most buffers.</summary>
    internal BufferAccount? Largest()
    {
        BufferAccount? largest = null;
        foreach (BufferAccount account in _accounts.Values)
        {
            if (largest is null || account.Rented > largest.Rented) largest = account;
        }

        return largest;
    }

    /// <summary>Takes a buffer; null when the limit is reached.</summary>
    internal PooledBuffer? TryRent()
    {
        if (Rented >= _maxRented) return null;
        Rented++;
        return _idle.TryPop(out PooledBuffer? buffer) || _empty.TryPop(out buffer) ? buffer : new PooledBuffer(this, (long)_made++ * BufferSize);
    }

    /// <summary>Gives a buffer back.</summary>
    internal void Return(PooledBuffer buffer)
    {
        Rented--;
        if (_idle.Count < _maxIdle)
        {
            _idle.Push(buffer);
            return;
        }

        _memory.Release(buffer.Offset, BufferSize);
        _empty.Push(buffer);
    }

    internal Span<byte> GetSpan(PooledBuffer buffer) => _memory.GetSpan(buffer.Offset, BufferSize);

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
