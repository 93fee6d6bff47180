using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <summary>Bytes that a socket did not take yet, in pooled buffers. Belongs to its loop's thread.</summary>
/// <param name="pool">Where buffers come from; its limit bounds all backlogs of a loop together.</param>
internal sealed class Backlog(BufferPool pool)
{
    private readonly Queue<byte[]> _buffers = new();
    private byte[]? _tail;
    private int _start;
    private int _end;

    /// <summary>Bytes waiting.</summary>
    internal int Length { get; private set; }

    /// <summary>Whether nothing waits.</summary>
    internal bool IsEmpty => Length == 0;

    /// <summary>Copies bytes to the end; false when the pool is exhausted (some may have been taken).</summary>
    internal bool Append(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            if (_tail is null || _end == _tail.Length)
            {
                byte[]? buffer = pool.TryRent();
                if (buffer is null) return false;
                _buffers.Enqueue(buffer);
                _tail = buffer;
                _end = 0;
            }

            int n = Math.Min(data.Length, _tail.Length - _end);
            data[..n].CopyTo(_tail.AsSpan(_end));
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
        byte[] head = _buffers.Peek();
        return head.AsSpan(_start, (ReferenceEquals(head, _tail) ? _end : head.Length) - _start);
    }

    /// <summary>Drops bytes that were taken.</summary>
    /// <param name="count">At most the length of <see cref="Peek"/>.</param>
    internal void Advance(int count)
    {
        _start += count;
        Length -= count;
        byte[] head = _buffers.Peek();
        bool isTail = ReferenceEquals(head, _tail);
        if (_start < (isTail ? _end : head.Length)) return;
        pool.Return(_buffers.Dequeue());
        _start = 0;
        if (!isTail) return;
        _tail = null;
        _end = 0;
    }

    /// <summary>Drops everything.</summary>
    internal void Clear()
    {
        while (_buffers.TryDequeue(out byte[]? buffer)) pool.Return(buffer);
        _tail = null;
        _start = _end = Length = 0;
    }
}
