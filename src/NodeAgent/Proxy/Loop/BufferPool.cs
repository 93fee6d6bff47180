namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// Buffers of one size for bytes that wait for a slow socket. Bounded: what is rented never exceeds the limit, what is kept
/// idle never exceeds a part of it. Belongs to one loop's thread.
/// </summary>
internal sealed class BufferPool
{
    /// <summary>Bytes per buffer: one TLS record.</summary>
    internal const int BufferSize = 16 * 1024;

    private readonly Stack<byte[]> _idle = new();
    private readonly int _maxRented;
    private readonly int _maxIdle;

    /// <summary>Makes a pool.</summary>
    /// <param name="maxBytes">Most bytes rented at once.</param>
    /// <param name="maxIdleBytes">Most bytes kept for later.</param>
    internal BufferPool(long maxBytes, long maxIdleBytes)
    {
        _maxRented = (int)Math.Max(1, maxBytes / BufferSize);
        _maxIdle = (int)(maxIdleBytes / BufferSize);
    }

    /// <summary>Bytes rented now.</summary>
    internal long RentedBytes => (long)Rented * BufferSize;

    /// <summary>Bytes kept idle now.</summary>
    internal long IdleBytes => (long)_idle.Count * BufferSize;

    private int Rented { get; set; }

    /// <summary>Takes a buffer; null when the limit is reached.</summary>
    internal byte[]? TryRent()
    {
        if (Rented >= _maxRented) return null;
        Rented++;
        return _idle.TryPop(out byte[]? buffer) ? buffer : GC.AllocateUninitializedArray<byte>(BufferSize);
    }

    /// <summary>Gives a buffer back.</summary>
    internal void Return(byte[] buffer)
    {
        Rented--;
        if (_idle.Count < _maxIdle) _idle.Push(buffer);
    }
}
