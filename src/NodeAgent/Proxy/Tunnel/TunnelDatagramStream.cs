using Culvert.Http2;
using Culvert.Http2.Capsules;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// UDP inside one CONNECT-UDP stream of a tunnel (RFC 9298), either end. Datagrams are written straight into the tunnel's output, where those that follow
/// each other share a DATA frame and all streams share TLS records. While the tunnel's connection takes nothing they wait for a short time; one that becomes too old
/// or finds no room is dropped and counted. What comes out of the tunnel is handed on where it lies. Belongs to its loop's thread.
/// </summary>
internal sealed class TunnelDatagramStream : IDatagramPeer, IOpeningStream, IFlushable, IWaitingDatagrams, IBufferHolder
{
    // More than this is put on the wire within the turn, so that a burst is not dropped for want of room.
    private const int FlushAt = 128 * 1024;

    // The receiver never holds datagrams, so the stream's window must not be what limits them on a long path: the connection's and TCP do.
    private const int ExtraWindow = 15 << 20;

    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(5);

    private readonly TunnelConnection _tunnel;
    private readonly IDatagramSink _sink;
    private readonly IProxyObserver _observer;
    private readonly CapsuleReader _reader;
    private LoopTimer? _endTimer;
    private Http2Stream? _stream;

    // Both ends know what this mesh adds to CONNECT-UDP.
    private bool _additions;

    // Until then whoever asked for the stream sees in the answer what became of it, and the sink is not told.
    private bool _established;

    // What the sink is told at the end of the turn.
    private bool _idlePending;
    private bool _closedPending;

    /// <summary>Ties a stream that has just been opened or accepted; datagrams may arrive from now on.</summary>
    /// <param name="tunnel">The stream's tunnel.</param>
    /// <param name="stream">The stream; its state becomes this object.</param>
    /// <param name="sink">Takes what comes out of the tunnel.</param>
    /// <param name="observer">Hears of dropped datagrams.</param>
    /// <param name="sourcePorts">Server side: whether the peer takes answers from other ports. A client learns it from the answer.</param>
    internal TunnelDatagramStream(TunnelConnection tunnel, Http2Stream stream, IDatagramSink sink, IProxyObserver observer, bool sourcePorts)
    {
        _tunnel = tunnel;
        _sink = sink;
        _observer = observer;
        _additions = sourcePorts;
        _stream = stream;
        _reader = new CapsuleReader(DatagramCapsule.MaxValue, new CapsulePieces(tunnel, this));
        _established = tunnel.Http2.Role == Http2Role.Server;
        stream.State = this;
        tunnel.Http2.WidenWindow(stream, ExtraWindow);
        tunnel.UseForDatagrams();
    }

    /// <inheritdoc/>
    public LoopSignal Response { get; } = new();

    /// <inheritdoc/>
    public int ResponseStatus { get; private set; }

    /// <inheritdoc/>
    public bool IsEnded { get; private set; }

    /// <inheritdoc/>
    public ProxyFailure Failure { get; private set; }

    /// <inheritdoc/>
    public bool IsRetryable { get; private set; }

    /// <inheritdoc/>
    bool IFlushable.IsFlushScheduled { get; set; }

    /// <inheritdoc/>
    public bool Send(ReadOnlySpan<byte> payload) => Send(payload, 0);

    /// <summary>Sends a datagram.</summary>
    /// <param name="payload">At most <see cref="DatagramCapsule.MaxPayload"/> bytes.</param>
    /// <param name="sourcePort">0, or the other port of the destination that it comes from (server side).</param>
    /// <returns>False when it was dropped, and counted. One that has to wait may be dropped, and counted, later.</returns>
    internal bool Send(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (IsEnded || _stream is null) return Drop(DatagramDrop.TunnelFull);
        if (sourcePort != 0 && !_additions) return Drop(DatagramDrop.OtherSourcePort);
        if (payload.Length > DatagramCapsule.MaxPayload) return Drop(DatagramDrop.CapsuleTooLong);
        Span<byte> head = stackalloc byte[DatagramCapsule.MaxHead];
        int length = DatagramCapsule.WriteHead(head, payload.Length, sourcePort);
        if (_tunnel.TryHold(this, head[..length], payload)) return true;
        if (!_tunnel.Http2.TrySendWhole(_stream, head[..length], payload)) return Drop(DatagramDrop.TunnelFull);
        if (_tunnel.Http2.PendingOutput >= FlushAt) _tunnel.FlushNow();
        _tunnel.ScheduleFlush();
        return true;
    }

    /// <summary>Says that the destination has nobody at its port (server side), to a peer that speaks this mesh's additions.</summary>
    internal void SendUnreachable()
    {
        if (IsEnded || _stream is null || !_additions) return;
        Span<byte> capsule = stackalloc byte[DatagramCapsule.MaxHead];
        int length = DatagramCapsule.WriteUnreachable(capsule);
        if (_tunnel.Http2.TrySendWhole(_stream, capsule[..length], [])) _tunnel.ScheduleFlush();
    }

    /// <inheritdoc/>
    public void Flush()
    {
        // The tunnel is flushed once at the end of the turn, for all its streams.
    }

    /// <inheritdoc/>
    public void OnHeaders(HeaderList headers, Http2HeadersKind kind, bool endStream)
    {
        if (kind != Http2HeadersKind.Response) return;
        ResponseStatus = headers.Status;
        _established = ResponseStatus == ConnectStatus.Accepted;
        _additions = DatagramHeaders.HasSourcePort(headers);
        if (endStream && _established) EndWithPeer();
        Response.Set(true);
    }

    /// <inheritdoc/>
    public void OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        // Nothing is ever held for a slow reader, so the window is given back at once.
        if (_stream is not null) _tunnel.Http2.Consumed(_stream, data.Length);
        while (!IsEnded)
        {
            CapsuleStatus status = _reader.Read(ref data, out ReadOnlySpan<byte> value);
            if (status == CapsuleStatus.NeedMore) break;
            if (status == CapsuleStatus.Datagram) Deliver(value);
            else if (status == CapsuleStatus.TooLong) FailOn(DatagramDrop.CapsuleTooLong);
            else if (status == CapsuleStatus.NoRoom) Drop(DatagramDrop.NoRoomForPieces);
        }

        if (IsEnded) _reader.GiveUp();
        else if (endStream && _reader.IsAtBoundary) EndWithPeer();
        else if (endStream) FailOn(DatagramDrop.MalformedCapsule);
    }

    /// <inheritdoc/>
    public void OnReset(Http2ErrorCode code, bool connectionBroken)
    {
        if (IsEnded) return;
        IsRetryable = code == Http2ErrorCode.RefusedStream;
        End(connectionBroken ? ProxyFailure.TunnelReset : ProxyFailure.StreamReset);
        TellClosedLater();
    }

    /// <inheritdoc/>
    public void OnStreamClosed()
    {
        _stream = null;
        _reader.GiveUp();
        if (_endTimer is not null) _tunnel.Loop.Timers.Cancel(_endTimer);
    }

    /// <inheritdoc/>
    public void OnWindowAvailable()
    {
        // Datagrams do not wait for windows.
    }

    /// <inheritdoc/>
    public void Abort(ProxyFailure failure, Http2ErrorCode code)
    {
        if (IsEnded) return;
        End(failure);
        if (_stream is null) return;
        _tunnel.Http2.Reset(_stream, code);
        _tunnel.ScheduleFlush();
    }

    /// <summary>Ends the stream in good order. The sink hears no more.</summary>
    public void Dispose()
    {
        _closedPending = false;
        if (IsEnded) return;
        End(ProxyFailure.None);
        if (_stream is null) return;
        _tunnel.Http2.CommitData(_stream, 0, endStream: true);
        _tunnel.ScheduleFlush();

        // The peer ends its own direction in turn. One that does not must not keep the stream.
        if (_stream is null) return;
        _endTimer = new LoopTimer(static state => ((TunnelDatagramStream)state!).OnEndTimeout(), this);
        _tunnel.Loop.Schedule(_endTimer, EndTimeout);
    }

    /// <inheritdoc/>
    bool IBufferHolder.LosesDatagrams => true;

    /// <inheritdoc/>
    void IBufferHolder.GiveUp()
    {
        if (_reader.GiveUp()) Drop(DatagramDrop.NoRoomForPieces);
    }

    /// <inheritdoc/>
    bool IWaitingDatagrams.TrySendNow(ReadOnlySpan<byte> bytes) => !IsEnded && _stream is not null && _tunnel.Http2.TrySendWhole(_stream, bytes, []);

    /// <inheritdoc/>
    void IWaitingDatagrams.OnDropped(DatagramDrop reason) => Drop(reason);

    /// <inheritdoc/>
    void IFlushable.Flush()
    {
        if (_idlePending)
        {
            _idlePending = false;
            if (!IsEnded) _sink.OnIdle();
        }

        if (!_closedPending) return;
        _closedPending = false;
        _sink.OnClosed(Failure);
    }

    private void Deliver(ReadOnlySpan<byte> value)
    {
        bool additions = _additions && _tunnel.Http2.Role == Http2Role.Client;
        switch (DatagramCapsule.Read(value, additions, out ReadOnlySpan<byte> payload, out ushort sourcePort))
        {
            case DatagramCapsuleContent.Payload:
                _sink.OnDatagram(payload, sourcePort);
                TellIdleLater();
                break;
            case DatagramCapsuleContent.Unreachable:
                _sink.OnUnreachable();
                break;
            case DatagramCapsuleContent.TooLong:
                FailOn(DatagramDrop.CapsuleTooLong);
                break;
            case DatagramCapsuleContent.Malformed:
                Drop(DatagramDrop.MalformedCapsule);
                break;
            default:
                Drop(DatagramDrop.UnknownContext);
                break;
        }
    }

    // A session is over when either side says so.
    private void EndWithPeer()
    {
        End(ProxyFailure.None);
        _reader.GiveUp();
        if (_stream is not null) _tunnel.Http2.CommitData(_stream, 0, endStream: true);
        _tunnel.ScheduleFlush();
        TellClosedLater();
    }

    // After this the stream's bytes can't be told apart any more, or the peer does not keep to the protocol.
    private void FailOn(DatagramDrop reason)
    {
        Drop(reason);
        Abort(ProxyFailure.ProtocolError, Http2ErrorCode.ProtocolError);
        TellClosedLater();
    }

    private void OnEndTimeout()
    {
        if (_stream is null) return;
        _tunnel.Http2.Reset(_stream, Http2ErrorCode.Cancel);
        _tunnel.ScheduleFlush();
    }

    private void End(ProxyFailure failure)
    {
        IsEnded = true;
        Failure = failure;
        Response.Set(false);
    }

    private void TellIdleLater()
    {
        if (_idlePending) return;
        _idlePending = true;
        _tunnel.Loop.ScheduleFlush(this);
    }

    // Not at once: the peer may have gone while a datagram was being sent.
    private void TellClosedLater()
    {
        if (!_established) return;
        _closedPending = true;
        _tunnel.Loop.ScheduleFlush(this);
    }

    private bool Drop(DatagramDrop reason)
    {
        _observer.OnDatagramDropped(reason);
        return false;
    }
}
