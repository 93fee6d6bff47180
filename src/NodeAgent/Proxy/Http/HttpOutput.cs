using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// What goes to one side of an HTTP connection. Small pieces gather until <see cref="Flush"/>, so that a head and what follows it share a system call. What the side does not take at once waits in buffers of its account.
/// Belongs to its loop's thread.
/// </summary>
/// <param name="transport">The side.</param>
/// <param name="unsent">Where it waits.</param>
internal sealed class HttpOutput(ITransport transport, HeldBytes unsent)
{
    private byte[]? _gathered;
    private int _gatheredCount;
    private bool _unflushed;
    private bool _hadNoRoom;
    private bool _isOver;

    /// <summary>Bytes that were written.</summary>
    internal long Written { get; private set; }

    /// <summary>Why writing has failed; None before. Once it has, nothing more goes out.</summary>
    internal ProxyFailure Failure { get; private set; }

    /// <summary>Whether the side takes nothing more just now: nothing more should be written before a <see cref="Flush"/> after which this is false.</summary>
    internal bool IsBlocked => _unflushed || _hadNoRoom || _isOver || !unsent.IsEmpty;

    /// <summary>Writes bytes; false when the side is broken, or there is no buffer for what waits.</summary>
    /// <param name="data">The bytes; all are taken.</param>
    internal bool Write(ReadOnlySpan<byte> data)
    {
        Written += data.Length;
        if (IsBlocked) return Hold(data);
        if (data.Length <= BufferPool.BufferSize - _gatheredCount)
        {
            _gathered ??= transport.Loop.Gathering.Rent();
            data.CopyTo(_gathered.AsSpan(_gatheredCount));
            _gatheredCount += data.Length;
            return true;
        }

        return SendGathered() && (IsBlocked ? Hold(data) : Send(data));
    }

    /// <summary>Receives from another transport straight into what this side sends: as <see cref="ITransport.Receive"/>; blocked also when this side is. To be called only while nothing waits.</summary>
    /// <param name="from">The other transport.</param>
    /// <param name="most">Most bytes, 1 or more.</param>
    /// <param name="isBroken">Whether this side is broken, or there is no buffer for what waits.</param>
    internal TransportResult Pass(ITransport from, int most, out bool isBroken)
    {
        isBroken = !SendGathered();
        if (isBroken || IsBlocked) return new TransportResult(TransportStatus.Blocked);
        Span<byte> room = transport.Reserve(most);
        if (room.IsEmpty)
        {
            _hadNoRoom = true;
            return new TransportResult(TransportStatus.Blocked);
        }

        TransportResult received = from.Receive(room);
        TransportResult sent = transport.Commit(received.Count);
        if (received.Count == 0) return received;
        Written += received.Count;
        isBroken = !Take(sent, room[..received.Count]);
        return received;
    }

    /// <summary>Has what waits go out, as far as the side takes it.</summary>
    /// <returns>False when the side is broken, or there is no buffer for what waits.</returns>
    internal bool Flush()
    {
        if (Failure != ProxyFailure.None) return false;
        if (_isOver) return Fail(transport.Failure);
        if (!SendGathered()) return false;
        while ((_unflushed || !unsent.IsEmpty) && !_hadNoRoom)
        {
            TransportResult result = unsent.IsEmpty ? transport.Flush() : transport.Send(unsent.Peek());
            if (result.IsOver) return Fail(transport.Failure);
            if (result.Count > 0) unsent.Advance(result.Count);
            _unflushed = result.Status == TransportStatus.Blocked;
            if (_unflushed && result.Count == 0) break;
        }

        return true;
    }

    /// <summary>The transport has said whether it takes something again.</summary>
    /// <param name="isOpen">False when it never will.</param>
    internal void OnWritable(bool isOpen)
    {
        _hadNoRoom = false;
        _isOver = !isOpen;
    }

    /// <summary>Drops what waits.</summary>
    internal void Clear()
    {
        unsent.Clear();
        DropGathered();
    }

    private bool SendGathered()
    {
        if (_gathered is null) return true;
        bool isTaken = Send(_gathered.AsSpan(0, _gatheredCount));
        DropGathered();
        return isTaken;
    }

    private void DropGathered()
    {
        if (_gathered is null) return;
        transport.Loop.Gathering.Return(_gathered);
        (_gathered, _gatheredCount) = (null, 0);
    }

    private bool Send(ReadOnlySpan<byte> data) => Take(transport.Send(data), data);

    private bool Take(TransportResult sent, ReadOnlySpan<byte> data)
    {
        if (sent.IsOver) return Fail(transport.Failure);
        _unflushed = sent.Status == TransportStatus.Blocked;
        return sent.Count == data.Length || Hold(data[sent.Count..]);
    }

    // Taking a buffer may cost this very connection its end, as the one of its account that has waited longest: nothing of it may be left then.
    private bool Hold(ReadOnlySpan<byte> data)
    {
        bool isHeld = unsent.Append(data);
        if (!transport.IsClosed) return isHeld || Fail(ProxyFailure.Overload);
        unsent.Clear();
        return Fail(isHeld ? transport.Failure : ProxyFailure.Overload);
    }

    private bool Fail(ProxyFailure failure)
    {
        Failure = failure;
        return false;
    }
}
