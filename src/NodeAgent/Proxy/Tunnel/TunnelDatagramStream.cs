using System.Buffers.Binary;
using Culvert.Http2;
using Culvert.Http2.Capsules;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// UDP inside one CONNECT-UDP stream of a tunnel (RFC 9298), either end. Datagrams are written straight into the tunnel's output, where those that follow
/// each other share a DATA frame and all streams share TLS records; one that finds no room is dropped and counted. What comes out of the tunnel is handed on
/// where it lies. Belongs to its loop's thread.
/// </summary>
internal sealed class TunnelDatagramStream : IDatagramPeer, IOpeningStream, IFlushable
{
    /// <summary>Largest payload of UDP (RFC 9298, section 5).</summary>
    internal const int MaxPayload = 65_527;

    /// <summary>Context id of UDP payloads (RFC 9298, section 4).</summary>
    internal const byte PayloadContext = 0;

    /// <summary>
    /// Context id, of the server's half of the numbers, of payloads from another port of the destination, which stands in front of them in two bytes.
    /// </summary>
    internal const byte SourcePortContext = 1;

    /// <summary>
    /// Context id, of the server's half of the numbers, that says, without a payload, that nobody listens at the destination's port. Who does not know it drops it (RFC 9298, section 4).
    /// </summary>
    internal const byte UnreachableContext = 3;

    private const int MaxHead = Capsule.MaxHeaderLength + QuicVarint.MaxLength + sizeof(ushort);

    // More than this is put on the wire within the turn, so that a burst is not dropped for want of room.
    private const int FlushAt = 128 * 1024;
    // Datagrams are never held here, so the stream's window must not be what limits them on a long way: the connection's and TCP do.
    private const int ExtraWindow = 15 << 20;
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(5);

    private readonly TunnelConnection _tunnel;
    private readonly IDatagramSink _sink;
    private readonly IProxyObserver _observer;
    private readonly CapsuleReader _reader = new(MaxPayload + QuicVarint.MaxLength + sizeof(ushort));
    private LoopTimer? _endTimer;
    private Http2Stream? _stream;
    private bool _sourcePorts;
    private bool _gotDatagrams;
    private bool _opened;
    private bool _tellClosed;

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
        _sourcePorts = sourcePorts;
        _stream = stream;
        _opened = tunnel.Http2.Role == Http2Role.Server;
        stream.State = this;
        tunnel.Http2.WidenWindow(stream, ExtraWindow);
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
    /// <param name="payload">At most <see cref="MaxPayload"/> bytes.</param>
    /// <param name="sourcePort">0, or the other port of the destination that it comes from (server side).</param>
    /// <returns>False when it was dropped, and counted.</returns>
    internal bool Send(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        if (IsEnded || _stream is null) return Drop(DatagramDrop.TunnelFull);
        if (sourcePort != 0 && !_sourcePorts) return Drop(DatagramDrop.OtherSourcePort);
        if (payload.Length > MaxPayload) return Drop(DatagramDrop.CapsuleTooLong);
        Span<byte> head = stackalloc byte[MaxHead];
        int length = Capsule.WriteHeader(head, Capsule.DatagramType, payload.Length + (sourcePort == 0 ? 1 : 3));
        if (sourcePort == 0)
        {
            head[length++] = PayloadContext;
        }
        else
        {
            head[length++] = SourcePortContext;
            BinaryPrimitives.WriteUInt16BigEndian(head[length..], sourcePort);
            length += sizeof(ushort);
        }

        if (!_tunnel.Http2.TrySendWhole(_stream, head[..length], payload)) return Drop(DatagramDrop.TunnelFull);
        if (_tunnel.Http2.PendingOutput >= FlushAt) _tunnel.FlushNow();
        _tunnel.ScheduleFlush();
        return true;
    }

    /// <summary>Says that the destination has nobody at its port (server side), to a peer that speaks this mesh's additions.</summary>
    internal void SendUnreachable()
    {
        if (IsEnded || _stream is null || !_sourcePorts) return;
        Span<byte> capsule = stackalloc byte[MaxHead];
        int length = Capsule.WriteHeader(capsule, Capsule.DatagramType, 1);
        capsule[length++] = UnreachableContext;
        if (_tunnel.Http2.TrySendWhole(_stream, capsule[..length], [])) _tunnel.ScheduleFlush();
    }

    /// <inheritdoc/>
    public void Flush()
    {
        // The tunnel is flushed once at the end of the turn, for all its streams.
    }

    /// <inheritdoc/>
    public void OnResponse(HeaderList headers, bool endStream)
    {
        ResponseStatus = headers.Status;
        _opened = ResponseStatus == 200;
        _sourcePorts = DatagramHeaders.HasSourcePort(headers);
        if (endStream && _opened) OnEnd();
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
            if (status == CapsuleStatus.Datagram)
            {
                Deliver(value);
            }
            else if (status == CapsuleStatus.TooLong)
            {
                Drop(DatagramDrop.CapsuleTooLong);
                Abort(ProxyFailure.ProtocolError, Http2ErrorCode.ProtocolError);
                TellClosed();
            }
        }

        if (IsEnded) _reader.Dispose();
        else if (endStream) OnEndOfData();
    }

    /// <inheritdoc/>
    public void OnReset(Http2ErrorCode code, bool tunnelBroken)
    {
        if (IsEnded) return;
        IsRetryable = code == Http2ErrorCode.RefusedStream;
        End(tunnelBroken ? ProxyFailure.TunnelReset : ProxyFailure.StreamReset);
        TellClosed();
    }

    /// <inheritdoc/>
    public void OnStreamClosed()
    {
        _stream = null;
        _reader.Dispose();
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
        _tellClosed = false;
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
    void IFlushable.Flush()
    {
        if (_gotDatagrams)
        {
            _gotDatagrams = false;
            if (!IsEnded) _sink.OnIdle();
        }

        if (!_tellClosed) return;
        _tellClosed = false;
        _sink.OnClosed(Failure);
    }

    private void Deliver(ReadOnlySpan<byte> value)
    {
        if (!QuicVarint.TryRead(value, out ulong context, out int length))
        {
            Drop(DatagramDrop.MalformedCapsule);
            return;
        }

        value = value[length..];
        ushort port = 0;
        if (context == SourcePortContext && _sourcePorts && _tunnel.Http2.Role == Http2Role.Client)
        {
            if (value.Length < sizeof(ushort))
            {
                Drop(DatagramDrop.MalformedCapsule);
                return;
            }

            port = BinaryPrimitives.ReadUInt16BigEndian(value);
            value = value[sizeof(ushort)..];
        }
        else if (context == UnreachableContext && value.IsEmpty && _sourcePorts && _tunnel.Http2.Role == Http2Role.Client)
        {
            _sink.OnUnreachable();
            return;
        }
        else if (context != PayloadContext)
        {
            Drop(DatagramDrop.UnknownContext);
            return;
        }

        if (value.Length > MaxPayload)
        {
            Drop(DatagramDrop.CapsuleTooLong);
            Abort(ProxyFailure.ProtocolError, Http2ErrorCode.ProtocolError);
            TellClosed();
            return;
        }

        _sink.OnDatagram(value, port);
        if (_gotDatagrams) return;
        _gotDatagrams = true;
        _tunnel.Loop.ScheduleFlush(this);
    }

    /// <summary>The peer has ended its direction: a session is over when either side says so.</summary>
    private void OnEnd()
    {
        End(ProxyFailure.None);
        _reader.Dispose();
        if (_stream is not null) _tunnel.Http2.CommitData(_stream, 0, endStream: true);
        _tunnel.ScheduleFlush();
        TellClosed();
    }

    private void OnEndOfData()
    {
        if (_reader.IsAtBoundary)
        {
            OnEnd();
            return;
        }

        Drop(DatagramDrop.MalformedCapsule);
        Abort(ProxyFailure.ProtocolError, Http2ErrorCode.ProtocolError);
        TellClosed();
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

    // At the end of the turn: the peer may have gone while a datagram was being sent.
    private void TellClosed()
    {
        if (!_opened) return;
        _tellClosed = true;
        _tunnel.Loop.ScheduleFlush(this);
    }

    private bool Drop(DatagramDrop reason)
    {
        _observer.OnDatagramDropped(reason);
        return false;
    }
}
