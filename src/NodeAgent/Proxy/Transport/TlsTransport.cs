using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>A TLS connection over a socket, after its handshake. Records are gathered and sent several at once. Belongs to its loop's thread.</summary>
/// <param name="socket">The socket; owned from here on.</param>
/// <param name="tls">TLS over it; owned from here on.</param>
internal sealed class TlsTransport(LoopSocket socket, TlsConnection tls) : ITransport, ITransportUser
{
    private bool _finished;

    // Bytes may wait inside although the socket has nothing. Only a read shows whether they are a whole record.
    private bool _mayHold = tls.HasPending;

    /// <inheritdoc/>
    public EventLoop Loop => socket.Loop;

    /// <inheritdoc/>
    public ITransportUser? User
    {
        get;
        set
        {
            field = value;
            socket.User = value is null ? null : this;
        }
    }

    /// <inheritdoc/>
    public bool IsClosed => socket.IsClosed;

    /// <inheritdoc/>
    public ProxyFailure Failure => socket.Failure;

    /// <inheritdoc/>
    public string? Detail { get; private set; }

    /// <inheritdoc/>
    bool ITransport.HandsOver => false;

    /// <inheritdoc/>
    public bool CanReceive => !IsClosed && (_mayHold || socket.CanRead);

    /// <inheritdoc/>
    bool ITransport.HasPending => tls.HasPending;

    /// <inheritdoc/>
    ReadOnlySpan<byte> ITransport.Held => default;

    /// <inheritdoc/>
    void ITransport.Take(int count) => throw new InvalidOperationException("A TLS connection's bytes are received, not taken.");

    /// <inheritdoc/>
    public TransportResult Receive(Span<byte> room)
    {
        // A read of an empty socket costs a system call for each request.
        if (!CanReceive) return new TransportResult(TransportStatus.Blocked);
        TlsResult result = tls.Read(room);
        _mayHold = result.Status == TlsStatus.Done && tls.HasPending;
        if (result.Status == TlsStatus.Done && tls.HasEmptiedSocket) socket.ReadEmptied();
        else if (result.Status == TlsStatus.WantRead) socket.ReadBlocked();
        else if (result.Status == TlsStatus.WantWrite) socket.ReadBlockedByWrite();
        return Explain(result, result.Count);
    }

    /// <inheritdoc/>
    public ValueTask<bool> ReadableAsync() => CanReceive ? new ValueTask<bool>(true) : socket.ReadableAsync();

    /// <inheritdoc/>
    public void StopWaiting() => socket.StopWaiting();

    /// <inheritdoc/>
    Span<byte> ITransport.Reserve(int most) => Loop.Scratch.AsSpan(0, Math.Min(most, Loop.Scratch.Length));

    /// <inheritdoc/>
    TransportResult ITransport.Commit(int count) => count == 0 ? default : Send(Loop.Scratch.AsSpan(0, count));

    /// <inheritdoc/>
    public TransportResult Send(ReadOnlySpan<byte> data)
    {
        int taken = 0;
        TlsResult result = default;
        while (taken < data.Length)
        {
            result = tls.Write(data[taken..]);
            taken += result.Count;
            if (result.Status != TlsStatus.Done) break;
        }

        // Whatever kept the rest from being written, the records that are made go out.
        TransportResult flushed = Flush();
        if (result.Status == TlsStatus.Done) return flushed with { Count = taken };
        if (result.Status == TlsStatus.WantWrite) socket.WriteBlocked();
        else if (result.Status == TlsStatus.WantRead) socket.WriteBlockedByRead();
        return Explain(result, taken);
    }

    /// <inheritdoc/>
    public TransportResult Flush()
    {
        TlsResult result = tls.Flush();
        if (result.Status == TlsStatus.WantWrite) socket.WriteBlocked();
        return Explain(result, 0);
    }

    /// <inheritdoc/>
    public ValueTask<bool> WritableAsync() => socket.WritableAsync();

    /// <inheritdoc/>
    public void Finish()
    {
        if (_finished || IsClosed) return;
        _finished = true;
        tls.Shutdown();
        _ = socket.Handle.Shutdown(ShutdownDirection.Write);
    }

    /// <inheritdoc/>
    public void Close()
    {
        if (!IsClosed)
        {
            if (!_finished) tls.Shutdown();
            socket.CloseInOrder();
        }

        tls.Dispose();
    }

    /// <inheritdoc/>
    public void Reset(ProxyFailure reason)
    {
        ((ITransport)socket).Reset(reason);
        tls.Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        socket.Dispose();
        tls.Dispose();
    }

    /// <inheritdoc/>
    int ITransportUser.OnReceived(ITransport transport, ReadOnlySpan<byte> data) => throw new InvalidOperationException("A socket hands nothing over.");

    /// <inheritdoc/>
    void ITransportUser.OnReceivable(ITransport transport) => throw new InvalidOperationException("A socket hands nothing over.");

    /// <inheritdoc/>
    void ITransportUser.OnBroken(ITransport transport) => User?.OnBroken(this);

    private TransportResult Explain(TlsResult result, int count)
    {
        switch (result.Status)
        {
            case TlsStatus.Done: return new TransportResult(TransportStatus.Done, count);
            case TlsStatus.WantRead or TlsStatus.WantWrite: return new TransportResult(TransportStatus.Blocked, count);
            case TlsStatus.Closed: return new TransportResult(TransportStatus.Ended, count);
            default:
                Detail = result.Status == TlsStatus.SocketError ? $"socket error {result.Error}" : tls.FailureReason ?? result.Status.ToString();
                return new TransportResult(TransportStatus.Failed, count);
        }
    }
}
