using System.Buffers;
using System.Diagnostics;
using Culvert.Http2.Frames;

namespace Culvert.Http2;

/// <content>Taking bytes apart into frames.</content>
public sealed partial class Http2Connection
{
    private readonly byte[] _head = new byte[FrameHeader.Size];
    private ReadPhase _phase;
    private bool _receiving;
    private int _prefaceSeen;
    private int _headLength;
    private FrameHeader _frame;
    private byte[] _reassembly = [];
    private int _reassembledLength;
    private int _skip;

    private enum ReadPhase
    {
        Preface,
        Header,
        Payload,
        DataPadLength,
        Data,
        Padding,
        Skip,
    }

    /// <summary>
    /// Takes bytes as they came from the transport, in any pieces. Calls the handler for what they complete and may queue output.
    /// When the result is closed, the GOAWAY is in the output and further bytes are ignored.
    /// </summary>
    /// <exception cref="InvalidOperationException">Called from within a handler, or before <see cref="Start"/>.</exception>
    public Http2ReceiveResult Receive(ReadOnlySpan<byte> bytes)
    {
        if (_receiving) throw new InvalidOperationException("Receive must not be called from within itself.");
        if (!_started) throw new InvalidOperationException("Start the connection before feeding it.");
        _receiving = true;
        try
        {
            _streams.Recycle();
            _heard = true;
            BytesReceived += bytes.Length;
            while (!bytes.IsEmpty && !_result.IsClosed) bytes = bytes[Step(bytes)..];
            ServeWaiting();
        }
        finally
        {
            _receiving = false;
            if (_result.IsClosed) ReturnBuffers();
        }

        return _result;
    }

    private int Step(ReadOnlySpan<byte> bytes)
    {
        switch (_phase)
        {
            case ReadPhase.Preface:
                return StepPreface(bytes);
            case ReadPhase.Header:
                return StepHeader(bytes);
            case ReadPhase.Payload:
                return StepPayload(bytes);
            case ReadPhase.DataPadLength:
                BeginPadding(bytes[0]);
                return 1;
            case ReadPhase.Data:
                return StepData(bytes);
            case ReadPhase.Padding:
                return StepPadding(bytes);
            case ReadPhase.Skip:
                var n = Math.Min(bytes.Length, _skip);
                _skip -= n;
                if (_skip == 0) _phase = ReadPhase.Header;
                return n;
            default:
                throw new UnreachableException();
        }
    }

    private int StepPreface(ReadOnlySpan<byte> bytes)
    {
        var n = Math.Min(bytes.Length, Preface.Length - _prefaceSeen);
        if (!bytes[..n].SequenceEqual(Preface.Slice(_prefaceSeen, n)))
        {
            Fail(Http2CloseReason.BadPreface, Http2ErrorCode.ProtocolError, "the connection preface is missing");
            return n;
        }

        _prefaceSeen += n;
        if (_prefaceSeen == Preface.Length) _phase = ReadPhase.Header;
        return n;
    }

    private int StepHeader(ReadOnlySpan<byte> bytes)
    {
        int n;
        if (_headLength == 0 && bytes.Length >= FrameHeader.Size)
        {
            n = FrameHeader.Size;
            _frame = FrameHeader.Read(bytes);
        }
        else
        {
            n = Math.Min(bytes.Length, FrameHeader.Size - _headLength);
            bytes[..n].CopyTo(_head.AsSpan(_headLength));
            _headLength += n;
            if (_headLength < FrameHeader.Size) return n;
            _headLength = 0;
            _frame = FrameHeader.Read(_head);
        }

        BeginFrame();
        return n;
    }

    private void BeginFrame()
    {
        if (_frame.Length > _options.MaxFrameSize)
        {
            Fail(Http2ErrorCode.FrameSizeError, "a frame is larger than SETTINGS_MAX_FRAME_SIZE");
            return;
        }

        if (!PeerSettingsReceived && (_frame.Type != FrameType.Settings || _frame.Has(FrameFlags.Ack)))
        {
            Fail(Http2ErrorCode.ProtocolError, "the first frame is not SETTINGS");
            return;
        }

        if (_blockStreamId != 0 && (_frame.Type != FrameType.Continuation || _frame.StreamId != _blockStreamId))
        {
            Fail(Http2ErrorCode.ProtocolError, "a header block was interrupted by another frame");
            return;
        }

        if (CheckFrame() is { } problem)
        {
            Fail(problem.Code, problem.Message);
            return;
        }

        if (_frame.Type == FrameType.Data)
        {
            BeginData();
        }
        else if (_frame.Type > FrameType.Continuation)
        {
            if (!CountControl()) return;
            SkipPayload(_frame.Length);
        }
        else if (_frame.Length == 0)
        {
            _phase = ReadPhase.Header;
            Dispatch([]);
        }
        else
        {
            _phase = ReadPhase.Payload;
        }
    }

    /// <summary>What can be said from the header alone: stream identifier and length by type.</summary>
    private (Http2ErrorCode Code, string Message)? CheckFrame() => _frame.Type switch
    {
        FrameType.Data or FrameType.Headers or FrameType.Priority or FrameType.RstStream or FrameType.Continuation when _frame.StreamId == 0
            => (Http2ErrorCode.ProtocolError, "a stream's frame came without a stream identifier"),
        FrameType.Settings or FrameType.Ping or FrameType.GoAway when _frame.StreamId != 0
            => (Http2ErrorCode.ProtocolError, "a connection's frame came with a stream identifier"),
        FrameType.PushPromise => (Http2ErrorCode.ProtocolError, "PUSH_PROMISE although push is off"),
        FrameType.Continuation when _blockStreamId == 0 => (Http2ErrorCode.ProtocolError, "CONTINUATION without a header block"),
        FrameType.RstStream or FrameType.WindowUpdate when _frame.Length != 4 => (Http2ErrorCode.FrameSizeError, "RST_STREAM or WINDOW_UPDATE of a length other than 4"),
        FrameType.Ping when _frame.Length != 8 => (Http2ErrorCode.FrameSizeError, "PING of a length other than 8"),
        FrameType.GoAway when _frame.Length < 8 => (Http2ErrorCode.FrameSizeError, "GOAWAY shorter than 8"),
        FrameType.Settings when _frame.Has(FrameFlags.Ack) && _frame.Length != 0 => (Http2ErrorCode.FrameSizeError, "SETTINGS acknowledgement with a payload"),
        FrameType.Settings when _frame.Length % 6 != 0 => (Http2ErrorCode.FrameSizeError, "SETTINGS of a length that is no multiple of 6"),
        _ => null,
    };

    private int StepPayload(ReadOnlySpan<byte> bytes)
    {
        var length = _frame.Length;
        if (_reassembledLength == 0 && bytes.Length >= length)
        {
            _phase = ReadPhase.Header;
            Dispatch(bytes[..length]);
            return length;
        }

        if (_reassembledLength == 0) _reassembly = ArrayPool<byte>.Shared.Rent(length);
        var n = Math.Min(bytes.Length, length - _reassembledLength);
        bytes[..n].CopyTo(_reassembly.AsSpan(_reassembledLength));
        _reassembledLength += n;
        if (_reassembledLength == length)
        {
            _phase = ReadPhase.Header;
            _reassembledLength = 0;
            Dispatch(_reassembly.AsSpan(0, length));
            ReturnReassembly();
        }

        return n;
    }

    private void Dispatch(ReadOnlySpan<byte> payload)
    {
        switch (_frame.Type)
        {
            case FrameType.Headers:
                OnHeadersFrame(payload);
                break;
            case FrameType.Continuation:
                OnContinuation(payload);
                break;
            case FrameType.Priority:
                OnPriority();
                break;
            case FrameType.RstStream:
                OnRstStream(payload);
                break;
            case FrameType.Settings:
                OnSettingsFrame(payload);
                break;
            case FrameType.Ping:
                OnPing(payload);
                break;
            case FrameType.GoAway:
                OnGoAwayFrame(payload);
                break;
            case FrameType.WindowUpdate:
                OnWindowUpdate(payload);
                break;
            default:
                throw new UnreachableException();
        }
    }

    private void SkipPayload(int length)
    {
        _skip = length;
        _phase = length == 0 ? ReadPhase.Header : ReadPhase.Skip;
    }

    /// <summary>Counts a frame that moves nothing; false when there were too many and the connection is closed.</summary>
    private bool CountControl()
    {
        if (_guard.Control()) return true;
        Fail(Http2CloseReason.ControlFlood, Http2ErrorCode.EnhanceYourCalm, "too many control frames");
        return false;
    }

    /// <summary>Checked before a frame that a peer's frame demands is queued; false when the peer does not read and the connection is closed.</summary>
    private bool MayAnswer()
    {
        if (_output.Pending <= _options.MaxOutputBytes) return true;
        Fail(Http2CloseReason.OutputOverflow, Http2ErrorCode.EnhanceYourCalm, "answers are not read");
        return false;
    }

    private void ReturnReassembly()
    {
        var reassembly = _reassembly;
        _reassembly = [];
        if (reassembly.Length > 0) ArrayPool<byte>.Shared.Return(reassembly);
    }

    private void ReturnBuffers()
    {
        ReturnReassembly();
        ReturnBlock();
    }
}
