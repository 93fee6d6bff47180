using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <summary>
/// Carries bytes between an application's socket and one CONNECT stream of a tunnel. Bytes from the socket are received straight
/// into a DATA frame inside the tunnel's output; bytes from the tunnel are sent straight from its read buffer, and only what the
/// socket does not take is copied. The stream's window is given back when the socket has taken the bytes, so a slow reader slows
/// the writer. END_STREAM is FIN, RST_STREAM is RST. Belongs to its loop's thread.
/// </summary>
internal sealed partial class StreamRelay : IConnectionRelay, IOpeningStream, IBufferHolder
{
    private readonly EventLoop _loop;
    private readonly TunnelConnection _tunnel;
    private readonly bool _clientIsSocket;
    private readonly LoopSignal _finished = new();
    private Http2Stream? _stream;
    private LoopSocket? _socket;
    private bool _ended;

    /// <summary>Makes a relay for a stream that is open; data may arrive from now on.</summary>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream; its state becomes this object.</param>
    /// <param name="clientIsSocket">Whether the socket is the side that opened the connection.</param>
    internal StreamRelay(TunnelConnection tunnel, Http2Stream stream, bool clientIsSocket)
    {
        _loop = tunnel.Loop;
        _tunnel = tunnel;
        _clientIsSocket = clientIsSocket;
        _writeBuffer = new WriteBuffer(tunnel.Account, this);
        _stream = stream;
        stream.State = this;
    }

    /// <inheritdoc/>
    public long BytesSent => _clientIsSocket ? _fromSocket : _fromStream;

    /// <inheritdoc/>
    public long BytesReceived => _clientIsSocket ? _fromStream : _fromSocket;

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <inheritdoc/>
    public bool IsEnded => _ended;

    /// <inheritdoc/>
    public LoopSignal Response { get; } = new();

    /// <inheritdoc/>
    public int ResponseStatus { get; private set; }

    /// <inheritdoc/>
    public bool IsRetryable { get; private set; }

    /// <summary>Runs until both directions have ended or one side has failed; socket and stream are closed then.</summary>
    /// <param name="socket">The application's connected socket; owned from here on.</param>
    internal async ValueTask<ProxyFailure> RunAsync(LoopSocket socket)
    {
        if (_ended)
        {
            socket.Reset();
            return Failure;
        }

        _socket = socket;
        socket.Broken = OnSocketBroken;
        if (!_writeBuffer.IsEmpty || _streamEnded) StartWriting(socket);
        if (!_ended) _ = PumpSocketAsync(socket);
        if (!_ended) await _finished.WaitAsync();
        return Failure;
    }

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure) =>
        Abort(failure, failure is ProxyFailure.ApplicationReset && _clientIsSocket ? Http2ErrorCode.Cancel : Http2ErrorCode.ConnectError);

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure, Http2ErrorCode code)
    {
        if (_ended) return;
        Failure = failure;
        if (_stream is not null)
        {
            _tunnel.Http2.Reset(_stream, code);
            _tunnel.ScheduleFlush();
        }

        End(reset: true);
    }

    /// <inheritdoc/>
    public void GiveUp() => Abort(ProxyFailure.Overload, Http2ErrorCode.EnhanceYourCalm);

    /// <inheritdoc/>
    public void OnResponse(HeaderList headers, bool endStream)
    {
        ResponseStatus = headers.Status;
        _streamEnded |= endStream;
        Response.Set(true);
    }

    /// <inheritdoc/>
    public void OnReset(Http2ErrorCode code, bool tunnelBroken)
    {
        if (_ended) return;
        IsRetryable = code == Http2ErrorCode.RefusedStream;
        Failure = tunnelBroken ? ProxyFailure.TunnelReset : ProxyFailure.StreamReset;
        End(reset: true);
    }

    /// <inheritdoc/>
    public void OnStreamClosed() => _stream = null;

    private void FinishIfBothEnded()
    {
        if (_shutDown && _socketEnded) End(reset: false);
    }

    private void OnSocketBroken()
    {
        // Whoever reads or writes at the moment sees the error by itself; this is for a connection that only waits.
        if (!_ended && (_socketEnded || _window.IsWaiting)) Abort(ProxyFailure.ApplicationReset);
    }

    private void End(bool reset)
    {
        if (_ended) return;
        _ended = true;
        _writeBuffer.Clear();
        if (reset) _socket?.Reset();
        else _socket?.CloseInOrder();
        _window.Set(false);
        PreConnectArrival.Set(false);
        Response.Set(false);
        _finished.Set(true);
    }
}
