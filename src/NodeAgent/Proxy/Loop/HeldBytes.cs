namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>Bytes that wait, in pooled buffers, on an account. Belongs to its loop's thread.</summary>
/// <param name="account">Where buffers come from: that of the workload or identity whose socket it is.</param>
/// <param name="holder">The connection, which may have to end for others of its account.</param>
internal sealed class HeldBytes(BufferAccount account, IBufferHolder holder)
{
    private readonly Queue<PooledBuffer> _buffers = new();
    private readonly LinkedListNode<IBufferHolder> _place = new(holder);
    private PooledBuffer? _tail;
    private int _start;
    private int _end;

    /// <summary>Bytes waiting.</summary>
    internal int Length { get; private set; }

    /// <summary>Whether nothing waits.</summary>
    internal bool IsEmpty => Length == 0;

    /// <summary>Copies bytes to the end; false when there is no buffer, and this connection is the one to end (some may have been taken).</summary>
    internal bool Append(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            if (_tail is null || _end == BufferPool.BufferSize)
            {
                if (_place.List is null) account.Wait(_place);
                PooledBuffer? buffer = account.TryRent(_place);
                if (buffer is null) return false;
                _buffers.Enqueue(buffer);
                _tail = buffer;
                _end = 0;
            }

            int n = Math.Min(data.Length, BufferPool.BufferSize - _end);
            data[..n].CopyTo(_tail.Span[_end..]);
            _end += n;
            Length += n;
            data = data[n..];
        }

        return true;
    }

    /// <summary>The oldest bytes that lie together; empty when nothing waits.</summary>
    internal ReadOnlySpan<byte> Peek()
    {
        if (Length == 0) return default;
        PooledBuffer head = _buffers.Peek();
        return head.Span[_start..(ReferenceEquals(head, _tail) ? _end : BufferPool.BufferSize)];
    }

    /// <summary>Drops bytes that were taken.</summary>
    /// <param name="count">At most the length of <see cref="Peek"/>.</param>
    internal void Advance(int count)
    {
        _start += count;
        Length -= count;
        PooledBuffer head = _buffers.Peek();
        bool isTail = ReferenceEquals(head, _tail);
        if (_start < (isTail ? _end : BufferPool.BufferSize))
        {
            account.Wait(_place);
            return;
        }

        account.Return(_buffers.Dequeue());
        _start = 0;
        if (isTail)
        {
            _tail = null;
            _end = 0;
        }

        if (_buffers.Count > 0) account.Wait(_place);
        else account.Leave(_place);
    }

    /// <summary>Drops everything.</summary>
    internal void Clear()
    {
        while (_buffers.TryDequeue(out PooledBuffer? buffer)) account.Return(buffer);
        account.Leave(_place);
        _tail = null;
        _start = _end = Length = 0;
    }
}
