using System.Buffers.Binary;
using Culvert.Http2.Frames;

namespace Culvert.Http2;

/// <content>Receiving SETTINGS, PING, GOAWAY, RST_STREAM, WINDOW_UPDATE and PRIORITY.</content>
public sealed partial class Http2Connection
{
    private const int FreeSettings = 32;

    private bool _settingsAcknowledged;
    private bool _peerLimitedStreams;
    private bool _goAwayReceived;
    private int _goAwayLimit = int.MaxValue;
    private long _peerInitialWindow = InitialWindow;

    private void OnPriority()
    {
        // Deprecated (RFC 9113, section 5.3.2): checked for size, otherwise ignored.
        if (!CountControl() || _frame.Length == 5) return;
        if (_streams.Find(_frame.StreamId) is { } stream)
        {
            StreamError(stream, Http2ErrorCode.FrameSizeError);
        }
        else
        {
            Fail(Http2ErrorCode.FrameSizeError, "PRIORITY of a length other than 5");
        }
    }

    private void OnRstStream(ReadOnlySpan<byte> payload)
    {
        var streamId = _frame.StreamId;
        if (_streams.Find(streamId) is { } stream)
        {
            var premature = Role == Http2Role.Server && !stream.FinalHeadersSent;
            Abort(stream, (Http2ErrorCode)BinaryPrimitives.ReadInt32BigEndian(payload), tell: true);
            if (!_guard.Reset(premature)) FailRapidReset();
        }
        else if (IsIdle(streamId))
        {
            Fail(Http2ErrorCode.ProtocolError, "RST_STREAM for a stream that was never opened");
        }
        else
        {
            CountControl();
        }
    }

    private void OnSettingsFrame(ReadOnlySpan<byte> payload)
    {
        if (!CountControl()) return;
        if (_frame.Has(FrameFlags.Ack))
        {
            if (!_settingsAcknowledged) ApplyOwnSettings();
            else OnChangeAcknowledged();
            return;
        }

        for (var i = 0; i < payload.Length; i += 6)
        {
            // A frame full of settings costs as much as many frames: some walk through all streams.
            if (i >= FreeSettings * 6 && !CountControl()) return;
            var id = (SettingId)BinaryPrimitives.ReadUInt16BigEndian(payload[i..]);
            var value = BinaryPrimitives.ReadUInt32BigEndian(payload[(i + 2)..]);
            if (ApplyPeerSetting(id, value)) continue;
            if (!_result.IsClosed) Fail(Http2CloseReason.BadSetting, Http2ErrorCode.ProtocolError, "a setting has a value that is not allowed");
            return;
        }

        // Without the setting there is no limit (RFC 9113, section 6.5.2).
        if (!PeerSettingsReceived && !_peerLimitedStreams) PeerMaxConcurrentStreams = int.MaxValue;
        PeerSettingsReceived = true;
        if (!MayAnswer()) return;
        Frame(0, FrameType.Settings, FrameFlags.Ack, 0);
        _handler.OnSettings();
    }

    private bool ApplyPeerSetting(SettingId id, uint value)
    {
        switch (id)
        {
            case SettingId.HeaderTableSize:
                _encoder.SetPeerLimit(value);
                return true;
            case SettingId.EnablePush:
                return value == 0 || (value == 1 && Role == Http2Role.Server);
            case SettingId.MaxConcurrentStreams:
                _peerLimitedStreams = true;
                PeerMaxConcurrentStreams = (int)Math.Min(value, int.MaxValue);
                return true;
            case SettingId.InitialWindowSize:
                return ApplyInitialWindow(value);
            case SettingId.MaxFrameSize:
                if (value is < 16_384 or > 16_777_215) return false;
                PeerMaxFrameSize = (int)value;
                return true;
            case SettingId.MaxHeaderListSize:
                PeerMaxHeaderListSize = value;
                return true;
            case SettingId.EnableConnectProtocol:
                if (value > 1 || (value == 0 && PeerAllowsExtendedConnect)) return false;
                PeerAllowsExtendedConnect = value == 1 && Role == Http2Role.Client;
                return true;
            default:
                return true;
        }
    }

    private bool ApplyInitialWindow(uint value)
    {
        if (value > int.MaxValue)
        {
            Fail(Http2CloseReason.BadSetting, Http2ErrorCode.FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1");
            return false;
        }

        var delta = value - _peerInitialWindow;
        _peerInitialWindow = value;
        if (delta == 0) return true;
        for (var stream = _streams.First; stream is not null; stream = stream.Next)
        {
            stream.SendWindowSize += delta;
            if (stream.SendWindowSize > int.MaxValue)
            {
                Fail(Http2ErrorCode.FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE overflows a stream's window");
                return false;
            }

            WindowOpened(stream);
        }

        return true;
    }

    private void ApplyOwnSettings()
    {
        _settingsAcknowledged = true;
        _decoder.SetLimit(_options.HeaderTableSize);
        ApplyOwnWindow(_options.StreamWindow);
    }

    private void OnPing(ReadOnlySpan<byte> payload)
    {
        if (!CountControl()) return;
        var opaque = BinaryPrimitives.ReadUInt64BigEndian(payload);
        if (!_frame.Has(FrameFlags.Ack))
        {
            if (MayAnswer()) WritePing(opaque, ack: true);
        }
        else if (opaque == ShutdownPing)
        {
            FinishShutdown();
        }
        else if (opaque == RoundPing)
        {
            EndRound();
        }
        else if (opaque != KeepAlivePing)
        {
            _handler.OnPingAck(opaque);
        }
    }

    private void OnGoAwayFrame(ReadOnlySpan<byte> payload)
    {
        if (!CountControl()) return;
        var last = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        var code = (Http2ErrorCode)BinaryPrimitives.ReadInt32BigEndian(payload[4..]);
        if (_goAwayReceived && last > _goAwayLimit)
        {
            Fail(Http2ErrorCode.ProtocolError, "GOAWAY with a higher stream identifier than before");
            return;
        }

        _goAwayReceived = true;
        _goAwayLimit = last;
        if (Role == Http2Role.Client)
        {
            // The list is in order of opening, newest first.
            while (_streams.First is { } stream && stream.Id > last) Abort(stream, Http2ErrorCode.RefusedStream, tell: true);
        }

        _handler.OnGoAway(last, code, payload[8..]);
    }

    private void OnWindowUpdate(ReadOnlySpan<byte> payload)
    {
        if (!CountControl()) return;
        var increment = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;
        if (_frame.StreamId == 0)
        {
            if (increment == 0)
            {
                Fail(Http2ErrorCode.ProtocolError, "WINDOW_UPDATE of 0");
            }
            else if (_sendWindow + increment > int.MaxValue)
            {
                Fail(Http2ErrorCode.FlowControlError, "WINDOW_UPDATE overflows the connection's window");
            }
            else
            {
                _sendWindow += increment;
            }

            return;
        }

        if (_streams.Find(_frame.StreamId) is not { } stream)
        {
            if (IsIdle(_frame.StreamId)) Fail(Http2ErrorCode.ProtocolError, "WINDOW_UPDATE for a stream that was never opened");
        }
        else if (increment == 0)
        {
            StreamError(stream, Http2ErrorCode.ProtocolError);
        }
        else if (stream.SendWindowSize + increment > int.MaxValue)
        {
            StreamError(stream, Http2ErrorCode.FlowControlError);
        }
        else
        {
            stream.SendWindowSize += increment;
            WindowOpened(stream);
        }
    }
}
