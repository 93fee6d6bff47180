using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// A connected (or connecting) socket pinned to a loop, with readiness as awaitables. Readiness is edge-triggered: a caller
/// tries first, and waits only after "would block". Belongs to its loop's thread.
/// </summary>
internal sealed partial class LoopSocket : EventSource
{
    private const EpollEvents Ended = EpollEvents.Error | EpollEvents.HangUp;

    private readonly LoopSignal _readable = new();
    private readonly LoopSignal _writable = new();
    private bool _canRead;
    private bool _canWrite;
    private bool _sawEnd;
    private bool _sawUrgent;
    private bool _readWaitsForWrite;
    private bool _writeWaitsForRead;

    /// <summary>Takes a socket over and watches it.</summary>
    /// <param name="loop">The loop the caller runs on.</param>
    /// <param name="handle">The socket; disposed with this object.</param>
    /// <param name="connected">Whether writing may be tried at once.</param>
    internal LoopSocket(EventLoop loop, SocketHandle handle, bool connected)
    {
        Loop = loop;
        Handle = handle;
        _canWrite = connected;
        RegisterError = loop.Register(
            this, handle, EpollEvents.Readable | EpollEvents.Writable | EpollEvents.Urgent | EpollEvents.PeerShutdown | EpollEvents.EdgeTriggered);
    }

    /// <summary>The loop.</summary>
    public EventLoop Loop { get; }

    /// <summary>The descriptor.</summary>
    internal SocketHandle Handle { get; }

    /// <summary>None, or why the kernel would not watch the socket.</summary>
    internal SocketErrno RegisterError { get; }

    /// <summary>Whether it has been closed by this side.</summary>
    public bool IsClosed { get; private set; }

    /// <summary>Whether the kernel has reported an error or the end of both directions.</summary>
    internal bool HasEnded { get; private set; }

    /// <summary>Whether reading may be tried.</summary>
    internal bool CanRead => _canRead;

    /// <summary>Receives what is there. "Would block" is told without a system call while no news has come.</summary>
    internal IoResult Receive(Span<byte> buffer)
    {
        if (!_canRead) return new IoResult(-1, SocketErrno.WouldBlock);
        IoResult result = Handle.Receive(buffer);

        // A short read has emptied the socket: what comes later is a new edge (epoll(7)), unless the end was announced with it.
        // Nor does a read go past urgent data: from the first on, only "would block" says that nothing is left.
        if (result.Count < buffer.Length && !_sawEnd && (!_sawUrgent || result.Count < 0)) _canRead = false;
        return result;
    }

    /// <summary>Looks at what is there without taking it. "Would block" is told without a system call while no news has come.</summary>
    internal IoResult Peek(Span<byte> buffer)
    {
        if (!_canRead) return new IoResult(-1, SocketErrno.WouldBlock);
        IoResult result = Handle.Peek(buffer);
        if (result.WouldBlock) _canRead = false;
        return result;
    }

    /// <summary>Sends what fits. "Would block" is told without a system call while no news has come.</summary>
    internal IoResult Send(ReadOnlySpan<byte> buffer)
    {
        if (!_canWrite) return new IoResult(-1, SocketErrno.WouldBlock);
        IoResult result = Handle.Send(buffer);
        if (result.WouldBlock) _canWrite = false;
        return result;
    }

    /// <summary>Waits until reading may be tried; false when the socket has been closed by this side.</summary>
    public ValueTask<bool> ReadableAsync() =>
        IsClosed ? new ValueTask<bool>(false) : _canRead ? new ValueTask<bool>(true) : _readable.WaitAsync();

    /// <inheritdoc/>
    public void StopWaiting() => _readable.Set(false);

    /// <summary>Waits until writing may be tried; false when the socket has been closed by this side.</summary>
    public ValueTask<bool> WritableAsync() =>
        IsClosed ? new ValueTask<bool>(false) : _canWrite ? new ValueTask<bool>(true) : _writable.WaitAsync();

    /// <summary>Says that somebody else (TLS) has read until "would block".</summary>
    internal void ReadBlocked()
    {
        if (!_sawEnd) _canRead = false;
    }

    /// <summary>Says that somebody else (TLS) has emptied the socket by a short read: what comes later is a new edge.</summary>
    internal void ReadEmptied()
    {
        // As in Receive: the end may have been announced with the bytes, and a read does not go past urgent data.
        if (!_sawEnd && !_sawUrgent) _canRead = false;
    }

    /// <summary>Says that somebody else (TLS) has written until "would block".</summary>
    internal void WriteBlocked() => _canWrite = false;

    /// <summary>Says that reading can go on when writing can, as TLS does that has to answer a key update first.</summary>
    internal void ReadBlockedByWrite()
    {
        _canRead = _canWrite = false;
        _readWaitsForWrite = true;
    }

    /// <summary>Says that writing can go on when something has been read.</summary>
    internal void WriteBlockedByRead()
    {
        _canWrite = false;
        _writeWaitsForRead = true;
    }

    /// <inheritdoc/>
    internal override void OnReady(EpollEvents events)
    {
        if ((events & (Ended | EpollEvents.PeerShutdown)) != EpollEvents.None) _sawEnd = true;
        if ((events & Ended) != EpollEvents.None) HasEnded = true;
        if ((events & EpollEvents.Urgent) != EpollEvents.None) _sawUrgent = true;
        if ((events & (EpollEvents.Readable | EpollEvents.Urgent | EpollEvents.PeerShutdown | Ended)) != EpollEvents.None)
        {
            SetReadable();
            if (_writeWaitsForRead && !IsClosed) SetWritable();
        }

        if ((events & (EpollEvents.Writable | Ended)) != EpollEvents.None && !IsClosed)
        {
            SetWritable();
            if (_readWaitsForWrite && !IsClosed) SetReadable();
        }

        if ((events & EpollEvents.Error) != EpollEvents.None && !IsClosed) User?.OnBroken(this);
    }

    /// <summary>Lets go of the socket, which stays open, for another loop to take over. Nobody may be waiting for it.</summary>
    internal SocketHandle Detach()
    {
        Close();
        Loop.Unregister(this, Handle);
        return Handle;
    }

    /// <summary>Closes so that the kernel still delivers what was sent, and the end of the stream.</summary>
    internal void CloseInOrder()
    {
        if (IsClosed) return;
        _ = Handle.SetResetOnClose(false);
        Dispose();
    }

    /// <summary>Closes so that the peer sees RST, and drops what is unsent.</summary>
    internal void Reset()
    {
        if (IsClosed) return;
        _ = Handle.SetResetOnClose();
        Dispose();
    }

    /// <summary>Has it reset after a time.</summary>
    /// <returns>What to cancel when it need not be.</returns>
    internal LoopTimer ResetAfter(TimeSpan time)
    {
        LoopTimer deadline = new(static state => ((LoopSocket)state!).Reset(), this);
        Loop.Schedule(deadline, time);
        return deadline;
    }

    /// <summary>Closes, with a reset where the socket was made so; waiters go on with false.</summary>
    public void Dispose()
    {
        if (IsClosed) return;
        Close();
        Loop.Unregister(this);
        Handle.Dispose();
        _readable.Set(false);
        _writable.Set(false);
    }

    private void SetReadable()
    {
        _readWaitsForWrite = false;
        _canRead = true;
        _readable.Set(true);
    }

    private void SetWritable()
    {
        _writeWaitsForRead = false;
        _canWrite = true;
        _writable.Set(true);
    }

    // The number of the descriptor may be somebody else's soon: nothing is tried any more.
    private void Close()
    {
        IsClosed = true;
        _canRead = _canWrite = false;
    }
}
