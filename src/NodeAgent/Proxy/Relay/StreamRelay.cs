using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <summary>
/// Carries bytes between an application's socket and one CONNECT stream of a tunnel. Bytes from the socket are received straight
/// into a DATA frame inside the tunnel's output; bytes from the tunnel are sent straight from its read buffer, and only what the
/// socket does not take is copied. The stream's window is given back when the socket has taken the bytes, so a slow reader slows
/// the writer. END_STREAM is FIN, RST_STREAM is RST. Belongs to its loop's thread.
/// </summary>
internal sealed class StreamRelay : IConnectionRelay, IOpeningStream
{
    private const int ReadSize = 64 * 1024;

    // One busy connection gives way to others after so many reads.
    private const int ReadsPerTurn = 8;

    private readonly EventLoop _loop;
    private readonly TunnelConnection _tunnel;
    private readonly bool _clientIsSocket;
    private readonly Backlog _backlog;
    private readonly LoopSignal _window = new();
    private readonly LoopSignal _finished = new();
    private Http2Stream? _stream;
    private LoopSocket? _socket;
    private long _fromSocket;
    private long _fromStream;
    private bool _streamEnded;
    private bool _socketEnded;
    private bool _draining;
    private bool _shutDown;
    private bool _ended;

    /// <summary>Makes a relay for a stream that is open; data may arrive from now on.</summary>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream; its state becomes this object.</param>
    /// <param name="clientIsSocket">Whether the socket is the side that opened the connection.</param>
    internal StreamRelay(TunnelConnection tunnel, Http2Stream? stream, bool clientIsSocket)
    {
        _loop = tunnel.Loop;
        _tunnel = tunnel;
        _clientIsSocket = clientIsSocket;
        _backlog = new Backlog(_loop.Buffers);
        _stream = stream;
        if (stream is not null) stream.State = this;
    }

    private enum ReadOutcome
    {
        More,
        WouldBlock,
        NoWindow,
        End,
        Stopped,
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

    /// <summary>Set when bytes have come, or the stream has ended, while there is no socket yet; false when it is over.</summary>
    internal LoopSignal Early { get; } = new();

    /// <summary>The first bytes that came while there is no socket yet.</summary>
    internal ReadOnlySpan<byte> EarlyData => _backlog.Peek();

    /// <summary>Whether the peer will send no more.</summary>
    internal bool HasStreamEnded => _streamEnded;

    /// <inheritdoc/>
    public int ResponseStatus { get; private set; }

    /// <inheritdoc/>
    public bool IsRetryable { get; private set; }

    /// <summary>Ties the stream, when it was opened after this object was made.</summary>
    internal void Bind(Http2Stream stream)
    {
        _stream = stream;
        stream.State = this;
    }

    /// <summary>Takes bytes of <see cref="EarlyData"/>: they do not go to the socket.</summary>
    internal void TakeEarlyData(int count)
    {
        _backlog.Advance(count);
        Consumed(count);
    }

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
        if (!_backlog.IsEmpty || _streamEnded) WriteBacklog();
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
    public void OnResponse(HeaderList headers, bool endStream)
    {
        ResponseStatus = headers.Status;
        _streamEnded |= endStream;
        Response.Set(true);
    }

    /// <inheritdoc/>
    public void OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        _streamEnded |= endStream;
        if (_ended) return;
        _fromStream += data.Length;
        if (_socket is not null && _backlog.IsEmpty && !data.IsEmpty)
        {
            IoResult sent = _socket.Send(data);
            if (sent.Succeeded)
            {
                data = data[sent.Count..];
                Consumed(sent.Count);
            }
            else if (!sent.WouldBlock)
            {
                Abort(ProxyFailure.ApplicationReset);
                return;
            }
        }

        if (!data.IsEmpty && !_backlog.Append(data))
        {
            Abort(ProxyFailure.Overload, Http2ErrorCode.EnhanceYourCalm);
            return;
        }

        if (_socket is null) Early.Set(true);
        if (_socket is null || _draining) return;
        if (!_backlog.IsEmpty) _ = DrainAsync(_socket);
        else if (_streamEnded) ShutdownSocket();
    }

    /// <inheritdoc/>
    public void OnWindowAvailable() => _window.Set(true);

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

    private async Task PumpSocketAsync(LoopSocket socket)
    {
        try
        {
            LoopSignal? turn = null;
            int reads = 0;
            while (!_ended)
            {
                switch (ReadIntoStream(socket))
                {
                    case ReadOutcome.More when ++reads % ReadsPerTurn == 0:
                        await _loop.YieldAsync(turn ??= new LoopSignal());
                        break;
                    case ReadOutcome.WouldBlock:
                        await socket.ReadableAsync();
                        break;
                    case ReadOutcome.NoWindow:
                        await _window.WaitAsync();
                        break;
                    case ReadOutcome.End:
                        FinishIfBothEnded();
                        return;
                    case ReadOutcome.Stopped:
                        return;
                }
            }
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            Abort(ProxyFailure.Internal, Http2ErrorCode.InternalError);
        }
    }

    private ReadOutcome ReadIntoStream(LoopSocket socket)
    {
        if (!socket.CanRead) return ReadOutcome.WouldBlock;
        if (_stream is null) return ReadOutcome.Stopped;
        Http2Connection http2 = _tunnel.Http2;
        Span<byte> room = http2.ReserveData(_stream, ReadSize);
        if (room.IsEmpty)
        {
            _tunnel.ScheduleFlush();
            return ReadOutcome.NoWindow;
        }

        IoResult received = socket.Receive(room);
        if (received.Count > 0)
        {
            _fromSocket += received.Count;
            http2.CommitData(_stream, received.Count, endStream: false);
            _tunnel.ScheduleFlush();
            return socket.CanRead ? ReadOutcome.More : ReadOutcome.WouldBlock;
        }

        _socketEnded = received.Count == 0;
        http2.CommitData(_stream, 0, endStream: _socketEnded);
        if (received.WouldBlock) return ReadOutcome.WouldBlock;
        _tunnel.ScheduleFlush();
        if (_socketEnded) return ReadOutcome.End;
        Abort(ProxyFailure.ApplicationReset);
        return ReadOutcome.Stopped;
    }

    private async Task DrainAsync(LoopSocket socket)
    {
        _draining = true;
        try
        {
            while (!_ended && !_backlog.IsEmpty)
            {
                if (!await socket.WritableAsync()) return;
                if (!_ended) SendBacklog(socket);
            }

            _draining = false;
            if (!_ended && _streamEnded) ShutdownSocket();
        }
        catch (Exception exception)
        {
            _loop.ReportFault(exception);
            Abort(ProxyFailure.Internal, Http2ErrorCode.InternalError);
        }
    }

    private void WriteBacklog()
    {
        SendBacklog(_socket!);
        if (_ended) return;
        if (!_backlog.IsEmpty) _ = DrainAsync(_socket!);
        else if (_streamEnded) ShutdownSocket();
    }

    private void SendBacklog(LoopSocket socket)
    {
        while (!_backlog.IsEmpty)
        {
            IoResult sent = socket.Send(_backlog.Peek());
            if (sent.WouldBlock) return;
            if (!sent.Succeeded)
            {
                Abort(ProxyFailure.ApplicationReset);
                return;
            }

            _backlog.Advance(sent.Count);
            Consumed(sent.Count);
        }
    }

    private void Consumed(int count)
    {
        if (_stream is null) return;
        _tunnel.Http2.Consumed(_stream, count);
        if (_tunnel.Http2.PendingOutput > 0) _tunnel.ScheduleFlush();
    }

    private void ShutdownSocket()
    {
        _ = _socket!.Handle.Shutdown(ShutdownDirection.Write);
        _shutDown = true;
        FinishIfBothEnded();
    }

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
        _backlog.Clear();
        if (reset) _socket?.Reset();
        else _socket?.Dispose();
        _window.Set(false);
        Early.Set(false);
        Response.Set(false);
        _finished.Set(true);
    }
}
