using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>What has come from one side of an HTTP connection and is not used up: in one pooled buffer, which it has only while there is something. Belongs to its loop's thread.</summary>
/// <param name="transport">The side.</param>
/// <param name="account">Where the buffer comes from.</param>
/// <param name="holder">The connection, which may have to end for others of its account.</param>
internal sealed class HttpInput(ITransport transport, BufferAccount account, IBufferHolder holder)
{
    private readonly LinkedListNode<IBufferHolder> _place = new(holder);
    private PooledBuffer? _buffer;
    private int _start;
    private int _end;

    /// <summary>What lies there; empty when nothing does. Valid until any other call.</summary>
    internal ReadOnlySpan<byte> Bytes => _buffer is null ? default : _buffer.Span[_start.._end];

    /// <summary>Bytes that came this way.</summary>
    internal long Received { get; private set; }

    /// <summary>Whether no buffer was to be had, so that this connection is the one to end.</summary>
    internal bool IsOverloaded { get; private set; }

    /// <summary>Uses bytes up.</summary>
    /// <param name="count">At most the length of <see cref="Bytes"/>.</param>
    internal void Consume(int count)
    {
        _start += count;
        if (_start == _end) Clear();
    }

    /// <summary>Receives behind what lies there: Done with a count, Blocked, Ended, or Failed. To be called only while there is room, which there is for less than a buffer.</summary>
    internal TransportResult Receive()
    {
        if (!transport.CanReceive) return new TransportResult(transport.IsClosed ? TransportStatus.Failed : TransportStatus.Blocked);
        account.Wait(_place);
        if (_buffer is null && (_buffer = account.TryRent(_place)) is null)
        {
            IsOverloaded = true;
            account.Leave(_place);
            return new TransportResult(TransportStatus.Failed);
        }

        if (_end == BufferPool.BufferSize) MoveToFront(_buffer);
        TransportResult received = transport.Receive(_buffer.Span[_end..]);
        _end += received.Count;
        Received += received.Count;
        if (_start == _end) Clear();
        return received;
    }

    /// <summary>Drops everything.</summary>
    internal void Clear()
    {
        if (_buffer is not null) account.Return(_buffer);
        account.Leave(_place);
        (_buffer, _start, _end) = (null, 0, 0);
    }

    private void MoveToFront(PooledBuffer buffer)
    {
        Bytes.CopyTo(buffer.Span);
        (_start, _end) = (0, _end - _start);
    }
}
