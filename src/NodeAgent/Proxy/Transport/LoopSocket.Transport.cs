using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <content>A socket as a transport: bytes are received when somebody asks for them, and nothing waits outside of the kernel.</content>
internal sealed partial class LoopSocket : IPeekableTransport
{
    private SocketErrno _error;

    /// <inheritdoc/>
    public ITransportUser? User { get; set; }

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; } = ProxyFailure.ApplicationReset;

    /// <inheritdoc/>
    public string? Detail => _error == SocketErrno.None ? null : $"socket error {_error}";

    /// <inheritdoc/>
    bool ITransport.HandsOver => false;

    /// <inheritdoc/>
    bool ITransport.CanReceive => _canRead;

    /// <inheritdoc/>
    bool ITransport.HasPending => false;

    /// <inheritdoc/>
    ReadOnlySpan<byte> ITransport.Held => default;

    /// <inheritdoc/>
    void ITransport.Take(int count) => throw new InvalidOperationException("A socket holds no bytes.");

    /// <inheritdoc/>
    TransportResult ITransport.Receive(Span<byte> room) => Received(Receive(room));

    /// <inheritdoc/>
    TransportResult IPeekableTransport.Peek(Span<byte> room) => Received(Peek(room));

    /// <inheritdoc/>
    void IPeekableTransport.AwaitMore() => ReadBlocked();

    /// <inheritdoc/>
    Span<byte> ITransport.Reserve(int most) => Loop.Scratch.AsSpan(0, Math.Min(most, Loop.Scratch.Length));

    /// <inheritdoc/>
    TransportResult ITransport.Commit(int count) => count == 0 ? default : Sent(Send(Loop.Scratch.AsSpan(0, count)), count);

    /// <inheritdoc/>
    TransportResult ITransport.Send(ReadOnlySpan<byte> data) => Sent(Send(data), data.Length);

    /// <inheritdoc/>
    TransportResult ITransport.Flush() => default;

    /// <inheritdoc/>
    void ITransport.Finish()
    {
        // The number of the descriptor may be somebody else's by now.
        if (!IsClosed) _ = Handle.Shutdown(ShutdownDirection.Write);
    }

    /// <inheritdoc/>
    void ITransport.Close() => CloseInOrder();

    /// <inheritdoc/>
    void ITransport.Reset(ProxyFailure reason)
    {
        if (!IsClosed) Failure = reason;
        Reset();
    }

    private TransportResult Received(IoResult result)
    {
        if (result.Count > 0) return new TransportResult(TransportStatus.Done, result.Count);
        if (result.Count == 0) return new TransportResult(TransportStatus.Ended);
        return result.WouldBlock ? new TransportResult(TransportStatus.Blocked) : Broke(result);
    }

    private TransportResult Sent(IoResult result, int asked)
    {
        if (result.Succeeded) return new TransportResult(result.Count == asked ? TransportStatus.Done : TransportStatus.Blocked, result.Count);
        return result.WouldBlock ? new TransportResult(TransportStatus.Blocked) : Broke(result);
    }

    private TransportResult Broke(IoResult result)
    {
        _error = result.Error;
        return new TransportResult(TransportStatus.Failed);
    }
}
