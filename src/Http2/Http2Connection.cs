using System.Buffers.Binary;
using System.Text;
using Culvert.Http2.Frames;
using Culvert.Http2.Hpack;

namespace Culvert.Http2;

/// <summary>
/// One HTTP/2 connection (RFC 9113) without any I/O: bytes from the transport go in by <see cref="Receive"/>, what happens comes out through
/// <see cref="IHttp2Handler"/>, and bytes for the transport wait in <see cref="PeekOutput"/>. Nothing a peer sends makes a method throw.
/// Not thread-safe: one thread (an event loop) owns a connection. In steady state no frame costs an allocation.
/// </summary>
public sealed partial class Http2Connection : IDisposable
{
    private const int InitialWindow = 65_535;
    private const ulong ShutdownPing = 0x43_75_6c_76_65_72_74_00;
    private const ulong KeepAlivePing = 0x43_75_6c_76_65_72_74_01;
    private const ulong RoundPing = 0x43_75_6c_76_65_72_74_02;

    private readonly Http2Options _options;
    private readonly IHttp2Handler _handler;
    private readonly TimeProvider _time;
    private readonly FloodGuard _guard;
    private readonly OutputBuffer _output = new();
    private readonly StreamTable _streams = new();
    private readonly ReadyQueue _ready = new();
    private readonly ResetMemory _resetMemory;
    private readonly HpackDecoder _decoder;
    private readonly HpackEncoder _encoder;
    private readonly HeaderList _headers = new();

    private Http2ReceiveResult _result = Http2ReceiveResult.Ok;
    private bool _started;
    private int _nextLocalId;
    private int _lastPeerId;
    private int _peerOpen;
    private int _localOpen;

    /// <summary>Creates a connection; nothing is sent before <see cref="Start"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public Http2Connection(Http2Role role, Http2Options options, IHttp2Handler handler, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentNullException.ThrowIfNull(time);
        options.Validate();
        Role = role;
        _options = options;
        _handler = handler;
        _time = time;
        _guard = new FloodGuard(options, time);
        _resetMemory = new ResetMemory(options.ResetStreamMemory);
        _decoder = new HpackDecoder(options.HeaderTableSize);
        _encoder = new HpackEncoder(options.EncoderTableSize);
        _nextLocalId = 1;
        _phase = role == Http2Role.Server ? ReadPhase.Preface : ReadPhase.Header;
        _receiveWindow = InitialWindow;
        _localInitialWindow = Math.Max(InitialWindow, options.StreamWindow);
        StreamWindow = options.StreamWindow;
        _announcedStreams = _wantedStreams = options.MaxConcurrentStreams;
    }

    /// <summary>Which side this is.</summary>
    public Http2Role Role { get; }

    /// <summary>Why the connection ended; <see cref="Http2ReceiveResult.Ok"/> while it goes on.</summary>
    public Http2ReceiveResult Result => _result;

    /// <summary>True once the connection has ended for any reason.</summary>
    public bool IsClosed => _result.IsClosed;

    /// <summary>Streams that are open in at least one direction.</summary>
    public int OpenStreams => _streams.Count;

    /// <summary>The highest stream identifier the peer has opened; 0 for none.</summary>
    public int LastPeerStreamId => _lastPeerId;

    /// <summary>True when no new streams are wanted: a GOAWAY was sent or received.</summary>
    public bool IsDraining => _goAwayReceived || _shutdown != ShutdownPhase.None || IsClosed;

    /// <summary>True when draining is complete: no stream is left and none can come. The transport may be closed after the output is written.</summary>
    public bool IsDrained => (_goAwayReceived || _shutdown == ShutdownPhase.Final || IsClosed) && _streams.Count == 0;

    /// <summary>True when <see cref="OpenStream"/> would succeed.</summary>
    public bool CanOpenStream =>
        Role == Http2Role.Client && _started && !IsDraining && _localOpen < PeerMaxConcurrentStreams && _nextLocalId > 0;

    /// <summary>Streams the peer allows at once; 100 is assumed until its SETTINGS arrive.</summary>
    public int PeerMaxConcurrentStreams { get; private set; } = 100;

    /// <summary>Largest frame payload the peer accepts, in bytes.</summary>
    public int PeerMaxFrameSize { get; private set; } = 16_384;

    /// <summary>Largest header list the peer wants to receive, in bytes (advisory).</summary>
    public long PeerMaxHeaderListSize { get; private set; } = long.MaxValue;

    /// <summary>True when the peer (a server) allows extended CONNECT (RFC 8441).</summary>
    public bool PeerAllowsExtendedConnect { get; private set; }

    /// <summary>True once the peer's first SETTINGS were applied.</summary>
    public bool PeerSettingsReceived { get; private set; }

    /// <summary>Bytes the peer allows on the whole connection now.</summary>
    public long SendWindow => _sendWindow;

    /// <summary>Bytes fed to <see cref="Receive"/>.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>Bytes taken by <see cref="AdvanceOutput"/>.</summary>
    public long BytesSent { get; private set; }

    /// <summary>Bytes of output that wait for the transport.</summary>
    public int PendingOutput => _output.Pending;

    /// <summary>Queues the preface (client), SETTINGS and the connection's WINDOW_UPDATE. Call once, first.</summary>
    public void Start()
    {
        if (_started) throw new InvalidOperationException("The connection was started before.");
        _started = true;
        _startedAt = _lastHeard = _time.GetTimestamp();
        if (Role == Http2Role.Client)
        {
            Preface.CopyTo(_output.GetSpan(Preface.Length));
            _output.Advance(Preface.Length);
        }

        WriteSettings();
        if (_options.ConnectionWindow > InitialWindow)
        {
            WriteWindowUpdate(0, _options.ConnectionWindow - InitialWindow);
            _receiveWindow = _options.ConnectionWindow;
        }
    }

    /// <summary>
    /// All pending output as one contiguous block, valid until any other method is called. Write some of it, then call <see cref="AdvanceOutput"/>.
    /// </summary>
    public ReadOnlyMemory<byte> PeekOutput()
    {
        // Whoever has seen a frame's header may have sent it: the frame can grow no more.
        _openFrameStreamId = 0;
        return _output.Peek();
    }

    /// <summary>
    /// Takes <paramref name="count"/> bytes that the transport accepted off the output. Streams that waited for the output to drain may be called
    /// (<see cref="IHttp2Handler.OnWindowAvailable"/>) and add to it, so write until <see cref="PendingOutput"/> is 0.
    /// </summary>
    public void AdvanceOutput(int count)
    {
        AdvanceOutputInTurn(count);
        ServeWaiting();
    }

    /// <summary>As <see cref="AdvanceOutput"/>, but calls nobody: for whoever is called by another connection just now. <see cref="AdvanceOutput"/> has to follow, for 0 bytes where there are no more.</summary>
    public void AdvanceOutputInTurn(int count)
    {
        _output.Consume(count);
        BytesSent += count;
    }

    /// <summary>
    /// Queues a PING whose answer arrives at <see cref="IHttp2Handler.OnPingAck"/>. Values beginning with the ASCII bytes "Culvert" are used by the connection itself.
    /// </summary>
    public void Ping(ulong opaque)
    {
        if (!IsClosed) WritePing(opaque, ack: false);
    }

    /// <summary>
    /// Ends the connection now: queues GOAWAY and resets every stream (<see cref="IHttp2Handler.OnReset"/> with the same code).
    /// </summary>
    public void GoAway(Http2ErrorCode code, string debug)
    {
        ArgumentNullException.ThrowIfNull(debug);
        Fail(Http2CloseReason.Local, code, debug);
    }

    /// <summary>Tells the connection that its transport has ended: every stream is reset with <see cref="Http2ErrorCode.InternalError"/>; pending output is dropped.</summary>
    public void TransportClosed()
    {
        if (!IsClosed)
        {
            _result = new Http2ReceiveResult(Http2CloseReason.Transport, Http2ErrorCode.InternalError, "the transport was closed");
            ResetAll(Http2ErrorCode.InternalError);
        }

        Dispose();
    }

    /// <summary>Returns pooled memory. Streams are not told; use <see cref="TransportClosed"/> for that.</summary>
    public void Dispose()
    {
        if (!_result.IsClosed) _result = new Http2ReceiveResult(Http2CloseReason.Local, Http2ErrorCode.NoError, "disposed");
        _output.Dispose();
        if (!_receiving) ReturnBuffers();
    }

    /// <summary>What a client's side of a connection begins with (RFC 9113, section 3.4).</summary>
    public static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    private void Fail(Http2CloseReason reason, Http2ErrorCode code, string message)
    {
        if (_result.IsClosed) return;
        WriteGoAway(_lastPeerId, code, message);
        _result = new Http2ReceiveResult(reason, code, message);
        ResetAll(code);
    }

    private void Fail(Http2ErrorCode code, string message) => Fail(
        code switch
        {
            Http2ErrorCode.FrameSizeError => Http2CloseReason.FrameSize,
            Http2ErrorCode.FlowControlError => Http2CloseReason.FlowControl,
            Http2ErrorCode.CompressionError => Http2CloseReason.Compression,
            _ => Http2CloseReason.Protocol,
        },
        code,
        message);

    private void ResetAll(Http2ErrorCode code)
    {
        while (_streams.First is { } stream) Abort(stream, code, tell: true);
    }

    private Span<byte> Frame(int length, FrameType type, FrameFlags flags, int streamId)
    {
        var span = _output.GetSpan(FrameHeader.Size + length);
        FrameHeader.Write(span, length, type, flags, streamId);
        _output.Advance(FrameHeader.Size + length);
        return span.Slice(FrameHeader.Size, length);
    }

    private void WriteReset(int streamId, Http2ErrorCode code) =>
        BinaryPrimitives.WriteInt32BigEndian(Frame(4, FrameType.RstStream, FrameFlags.None, streamId), (int)code);

    private void WriteWindowUpdate(int streamId, int increment) =>
        BinaryPrimitives.WriteInt32BigEndian(Frame(4, FrameType.WindowUpdate, FrameFlags.None, streamId), increment);

    private void WritePing(ulong opaque, bool ack) =>
        BinaryPrimitives.WriteUInt64BigEndian(Frame(8, FrameType.Ping, ack ? FrameFlags.Ack : FrameFlags.None, 0), opaque);

    private void WriteGoAway(int lastStreamId, Http2ErrorCode code, string debug)
    {
        var text = debug.Length > 256 ? debug.AsSpan(0, 256) : debug;
        var payload = Frame(8 + Encoding.UTF8.GetByteCount(text), FrameType.GoAway, FrameFlags.None, 0);
        BinaryPrimitives.WriteInt32BigEndian(payload, lastStreamId);
        BinaryPrimitives.WriteInt32BigEndian(payload[4..], (int)code);
        Encoding.UTF8.GetBytes(text, payload[8..]);
    }

    private void WriteSettings()
    {
        Span<byte> payload = stackalloc byte[6 * 7];
        var n = 0;
        if (_options.HeaderTableSize != 4096) n = Put(payload, n, SettingId.HeaderTableSize, _options.HeaderTableSize);
        if (Role == Http2Role.Client) n = Put(payload, n, SettingId.EnablePush, 0);
        if (Role == Http2Role.Server) n = Put(payload, n, SettingId.MaxConcurrentStreams, _announcedStreams);
        n = Put(payload, n, SettingId.InitialWindowSize, _options.StreamWindow);
        n = Put(payload, n, SettingId.MaxFrameSize, _options.MaxFrameSize);
        n = Put(payload, n, SettingId.MaxHeaderListSize, _options.MaxHeaderListSize);
        if (Role == Http2Role.Server && _options.EnableConnectProtocol) n = Put(payload, n, SettingId.EnableConnectProtocol, 1);
        payload[..n].CopyTo(Frame(n, FrameType.Settings, FrameFlags.None, 0));

        static int Put(Span<byte> target, int at, SettingId id, int value)
        {
            BinaryPrimitives.WriteUInt16BigEndian(target[at..], (ushort)id);
            BinaryPrimitives.WriteInt32BigEndian(target[(at + 2)..], value);
            return at + 6;
        }
    }
}
