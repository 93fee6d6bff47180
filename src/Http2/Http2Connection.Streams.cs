namespace Culvert.Http2;

/// <content>The end of streams, and of the connection in good order.</content>
public sealed partial class Http2Connection
{
    private ShutdownPhase _shutdown;
    private long _shutdownSince;

    private enum ShutdownPhase
    {
        None,
        Announced,
        Final,
    }

    private long NextIdOrMax => _nextLocalId > 0 ? _nextLocalId : (long)int.MaxValue + 1;

    /// <summary>
    /// Aborts a stream: queues RST_STREAM, gives its window back; <see cref="IHttp2Handler.OnStreamClosed"/> is called before this returns
    /// (<see cref="IHttp2Handler.OnReset"/> is not). On a stream that has ended but is not consumed, drops what is left. Otherwise without effect.
    /// </summary>
    public void Reset(Http2Stream stream, Http2ErrorCode code)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.Active || (stream.LocalClosed && stream.RemoteClosed))
        {
            DropUnconsumed(stream);
            FinishIfDone(stream);
            TryRelease(stream);
            return;
        }

        if (_reserved == stream) CancelReservation();
        WriteReset(stream.Id, code);
        _resetMemory.Add(stream.Id);
        Abort(stream, code, tell: false);
    }

    /// <summary>
    /// Stops taking new streams, lets the running ones end. A server announces it by GOAWAY with the highest identifier, and one round trip later says which
    /// stream was the last (RFC 9113, section 6.8); <see cref="CheckTimeouts"/> stands in when the peer does not answer. Watch <see cref="IsDrained"/>.
    /// </summary>
    public void ShutdownGracefully()
    {
        if (IsClosed || _shutdown != ShutdownPhase.None) return;
        if (Role == Http2Role.Client)
        {
            _shutdown = ShutdownPhase.Final;
            WriteGoAway(0, Http2ErrorCode.NoError, string.Empty);
            return;
        }

        _shutdown = ShutdownPhase.Announced;
        _shutdownSince = _time.GetTimestamp();
        WriteGoAway(int.MaxValue, Http2ErrorCode.NoError, string.Empty);
        WritePing(ShutdownPing, ack: false);
    }

    /// <summary>
    /// Answers a request that is not served, and ends the stream. Those that are refused count with those that are reset before their answer
    /// (<see cref="Http2Options.MaxPrematureResets"/>); beyond the limit the peer gets GOAWAY and opens no more streams here, while running ones go on.
    /// </summary>
    /// <returns>As <see cref="SendHeaders"/>.</returns>
    public bool Refuse(Http2Stream stream, HeaderList headers)
    {
        if (!SendHeaders(stream, headers, endStream: true)) return false;
        if (Role != Http2Role.Server || IsClosed || _guard.Refuse() || _shutdown == ShutdownPhase.Final) return true;
        _shutdown = ShutdownPhase.Final;
        WriteGoAway(_lastPeerId, Http2ErrorCode.EnhanceYourCalm, "too many requests were refused");
        return true;
    }

    private void FinishShutdown()
    {
        if (_shutdown != ShutdownPhase.Announced || IsClosed) return;
        _shutdown = ShutdownPhase.Final;
        WriteGoAway(_lastPeerId, Http2ErrorCode.NoError, string.Empty);
    }

    private bool IsIdle(int streamId)
    {
        var peers = (streamId & 1) == (Role == Http2Role.Server ? 1 : 0);
        return peers ? streamId > _lastPeerId : Role == Http2Role.Server || streamId >= NextIdOrMax;
    }

    private void CloseLocal(Http2Stream stream)
    {
        stream.LocalClosed = true;
        stream.WantsWindow = false;
        _ready.Remove(stream);
        FinishIfDone(stream);
    }

    private void FinishIfDone(Http2Stream stream)
    {
        if (!stream.Active || !stream.LocalClosed || !stream.RemoteClosed) return;
        Deactivate(stream);
        TryRelease(stream);
    }

    private void TryRelease(Http2Stream stream)
    {
        if (stream.Active || stream.Released || stream.Unconsumed > 0) return;
        stream.Released = true;
        ReturnGrowth(stream);
        _handler.OnStreamClosed(stream);
        _streams.Retire(stream);
    }

    /// <summary>Ends a stream at once; nothing is sent for it.</summary>
    private void Abort(Http2Stream stream, Http2ErrorCode code, bool tell)
    {
        if (!stream.Active) return;
        stream.LocalClosed = stream.RemoteClosed = true;
        if (_dataStream == stream)
        {
            // The rest of the frame under way is skipped when it comes.
            _dataStream = null;
            CreditConnection(_dataLeft + _padLeft);
        }

        Deactivate(stream);
        if (tell) _handler.OnReset(stream, code);
        DropUnconsumed(stream);
        TryRelease(stream);
    }

    private void CancelReservation()
    {
        _reserved = null;
        _output.Release(0);
    }

    private void DropUnconsumed(Http2Stream stream)
    {
        var bytes = stream.Unconsumed;
        stream.Unconsumed = 0;
        if (bytes > 0) CreditConnection(bytes);
    }

    private void Deactivate(Http2Stream stream)
    {
        stream.Active = false;
        stream.WantsWindow = false;
        _ready.Remove(stream);
        _streams.Remove(stream);
        if (Role == Http2Role.Client) _localOpen--; else _peerOpen--;
    }

    /// <summary>A stream error (RFC 9113, section 5.4.2) on a stream that is open.</summary>
    private void StreamError(Http2Stream stream, Http2ErrorCode code)
    {
        var premature = Role == Http2Role.Server && !stream.FinalHeadersSent;
        if (MayAnswer())
        {
            WriteReset(stream.Id, code);
            _resetMemory.Add(stream.Id);
            Abort(stream, code, tell: true);
            if (!_guard.Reset(premature)) FailRapidReset();
        }
    }

    /// <summary>A stream error for an identifier that has no stream.</summary>
    private void RefuseStream(int streamId, Http2ErrorCode code)
    {
        if (!MayAnswer()) return;
        WriteReset(streamId, code);
        _resetMemory.Add(streamId);
        if (!_guard.Reset(premature: true)) FailRapidReset();
    }

    private void FailRapidReset() =>
        Fail(Http2CloseReason.RapidReset, Http2ErrorCode.EnhanceYourCalm, "too many streams were reset");
}
