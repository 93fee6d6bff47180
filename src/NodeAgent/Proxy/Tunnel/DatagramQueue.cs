using System.Buffers;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Datagrams that wait, in order, for a tunnel whose connection takes nothing just now. They wait here, and not encrypted or in the kernel, because only here those that have
/// become too old can still be left out: TCP delivers whatever it has been given, and fresh datagrams only after that. Holds memory only while something waits.
/// Belongs to its loop's thread.
/// </summary>
internal sealed class DatagramQueue
{
    /// <summary>
    /// Longest that a datagram waits, in milliseconds: of the 150 ms one way that a conversation bears (ITU-T G.114), two thirds. Whoever sent one that is older has
    /// often sent it again.
    /// </summary>
    internal const int MaxAge = 100;

    /// <summary>Most bytes that wait; a burst of a millisecond at 2 Gbit/s.</summary>
    internal const int MaxBytes = 256 * 1024;

    private const int LeastArray = 16 * 1024;

    private readonly Queue<Waiting> _waiting = new();
    private byte[] _bytes = [];
    private int _start;
    private int _end;

    /// <summary>Bytes that wait.</summary>
    internal int Pending => _end - _start;

    /// <summary>Whether nothing waits.</summary>
    internal bool IsEmpty => _waiting.Count == 0;

    /// <summary>Has a datagram wait behind the others. Those that are too old go, and if it finds no room then, the oldest do.</summary>
    /// <param name="sender">Whose it is.</param>
    /// <param name="head">Its first bytes.</param>
    /// <param name="payload">The others; together at most <see cref="MaxBytes"/>.</param>
    /// <param name="now">The time, in milliseconds.</param>
    internal void Add(IWaitingDatagrams sender, ReadOnlySpan<byte> head, ReadOnlySpan<byte> payload, long now)
    {
        int size = head.Length + payload.Length;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaxBytes);
        DropOld(now);
        while (Pending + size > MaxBytes) DropFirst(DatagramDrop.TunnelFull);
        if (_bytes.Length - _end < size) MakeRoom(size);
        head.CopyTo(_bytes.AsSpan(_end));
        payload.CopyTo(_bytes.AsSpan(_end + head.Length));
        _end += size;
        _waiting.Enqueue(new Waiting(sender, size, now));
    }

    /// <summary>Gives datagrams that are not too old to their senders, the oldest first, to go on at once.</summary>
    /// <param name="bytes">No further one when they were at least so many bytes.</param>
    /// <param name="now">The time, in milliseconds.</param>
    internal void Release(int bytes, long now)
    {
        DropOld(now);
        while (bytes > 0 && _waiting.TryPeek(out Waiting first))
        {
            bytes -= first.Size;
            if (!first.Sender.TrySendNow(_bytes.AsSpan(_start, first.Size))) first.Sender.OnDropped(DatagramDrop.TunnelFull);
            RemoveFirst();
        }
    }

    /// <summary>Drops all that wait, and gives the memory back.</summary>
    internal void Clear()
    {
        while (!IsEmpty) DropFirst(DatagramDrop.TunnelFull);
    }

    private void DropOld(long now)
    {
        while (_waiting.TryPeek(out Waiting first) && now - first.Since > MaxAge) DropFirst(DatagramDrop.TooLate);
    }

    private void DropFirst(DatagramDrop reason)
    {
        _waiting.Peek().Sender.OnDropped(reason);
        RemoveFirst();
    }

    private void RemoveFirst()
    {
        _start += _waiting.Dequeue().Size;
        if (!IsEmpty) return;
        _start = _end = 0;
        Use([]);
    }

    // Never more than half full after it, so that most find room without bytes being moved.
    private void MakeRoom(int size)
    {
        int pending = Pending;
        if (_bytes.Length >= 2 * (pending + size))
        {
            _bytes.AsSpan(_start, pending).CopyTo(_bytes);
        }
        else
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(LeastArray, 2 * (pending + size)));
            _bytes.AsSpan(_start, pending).CopyTo(larger);
            Use(larger);
        }

        (_start, _end) = (0, pending);
    }

    private void Use(byte[] bytes)
    {
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = bytes;
    }

    private readonly record struct Waiting(IWaitingDatagrams Sender, int Size, long Since);
}
