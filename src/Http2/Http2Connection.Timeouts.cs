namespace Culvert.Http2;

/// <content>Everything that depends on time.</content>
public sealed partial class Http2Connection
{
    private long _startedAt;
    private long _lastHeard;
    private long _keepAliveSince;
    private long _connectionStalledSince;
    private bool _heard;

    /// <summary>How long a keep-alive PING has waited for an answer; zero when none does.</summary>
    public TimeSpan Unanswered => _keepAliveSince == 0 || _heard ? TimeSpan.Zero : _time.GetElapsedTime(_keepAliveSince);

    /// <summary>
    /// Looks at the clock: settings, keep-alive, stalled windows, the second step of a graceful shutdown. Call about once a second; precision is that
    /// of the calls. Gives the memory of an idle connection's output back.
    /// </summary>
    public Http2ReceiveResult CheckTimeouts()
    {
        if (IsClosed || !_started) return _result;
        var now = _time.GetTimestamp();
        if (!_settingsAcknowledged && _time.GetElapsedTime(_startedAt, now) > _options.SettingsTimeout)
        {
            Fail(Http2CloseReason.SettingsTimeout, Http2ErrorCode.SettingsTimeout, "SETTINGS were not exchanged in time");
            return _result;
        }

        if (_shutdown == ShutdownPhase.Announced && _time.GetElapsedTime(_shutdownSince, now) >= _options.ShutdownGrace) FinishShutdown();
        CheckKeepAlive(now);
        if (!IsClosed && _options.WindowStallTimeout > TimeSpan.Zero) CheckStalls(now);
        ServeWaiting();
        _output.Trim();
        return _result;
    }

    private void CheckKeepAlive(long now)
    {
        if (_heard)
        {
            _heard = false;
            _lastHeard = now;
            _keepAliveSince = 0;
        }

        if (_options.KeepAliveInterval <= TimeSpan.Zero) return;
        if (_keepAliveSince != 0)
        {
            if (_time.GetElapsedTime(_keepAliveSince, now) > _options.KeepAliveTimeout)
            {
                Fail(Http2CloseReason.KeepAliveTimeout, Http2ErrorCode.NoError, "the peer no longer answers");
            }
        }
        else if (_time.GetElapsedTime(_lastHeard, now) >= _options.KeepAliveInterval)
        {
            _keepAliveSince = now;
            WritePing(KeepAlivePing, ack: false);
        }
    }

    private void CheckStalls(long now)
    {
        if (_sendWindow > 0 || _ready.IsEmpty)
        {
            _connectionStalledSince = 0;
        }
        else if (_connectionStalledSince == 0)
        {
            _connectionStalledSince = now;
        }
        else if (_time.GetElapsedTime(_connectionStalledSince, now) >= _options.WindowStallTimeout)
        {
            Fail(Http2CloseReason.WindowStall, Http2ErrorCode.EnhanceYourCalm, "the connection's window stays closed");
            return;
        }

        Http2Stream? next;
        for (var stream = _streams.First; stream is { Active: true }; stream = next)
        {
            next = stream.Next;
            if (!stream.WantsWindow) continue;
            if (stream.StalledSince == 0)
            {
                stream.StalledSince = now;
            }
            else if (_time.GetElapsedTime(stream.StalledSince, now) >= _options.WindowStallTimeout)
            {
                StreamError(stream, Http2ErrorCode.EnhanceYourCalm);
                if (IsClosed) return;
            }
        }
    }
}
