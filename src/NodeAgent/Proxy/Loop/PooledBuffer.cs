namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>One buffer of a <see cref="BufferPool"/>, of <see cref="BufferPool.BufferSize"/> bytes. Belongs to the pool's loop.</summary>
internal sealed class PooledBuffer
{
    private readonly BufferPool _pool;

    internal PooledBuffer(BufferPool pool, long offset) => (_pool, Offset) = (pool, offset);

    /// <summary>Its bytes.</summary>
    internal Span<byte> Span => _pool.GetSpan(this);

    /// <summary>Where it lies in the pool's memory.</summary>
    internal long Offset { get; }
}
