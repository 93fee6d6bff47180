using Culvert.Http2.Frames;

namespace Culvert.Http2;

/// <content>Receiving DATA, and giving back receive window.</content>
public sealed partial class Http2Connection
{
    private Http2Stream? _dataStream;
    private int _dataLeft;
    private int _padLeft;
    private bool _dataEnds;
    private int _receiveWindow;
    private int _receiveCredit;

    /// <summary>
    /// The application is done with <paramref name="bytes"/> received bytes of the stream. Window is given back to the peer in batches: of a quarter
    /// of the stream's window, half of the connection's. More than is outstanding is ignored.
    /// </summary>
    public void Consumed(Http2Stream stream, int bytes)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        bytes = Math.Min(bytes, stream.Unconsumed);
        if (bytes == 0) return;
        stream.Unconsumed -= bytes;
        CreditConnection(bytes);
        CreditStream(stream, bytes);
        TryRelease(stream);
    }

    private void BeginData()
    {
        var length = _frame.Length;
        if (length > _receiveWindow)
        {
            Fail(Http2ErrorCode.FlowControlError, "DATA beyond the connection's window");
            return;
        }

        _receiveWindow -= length;
        var stream = FindForData();
        if (_result.IsClosed) return;
        if (stream is null)
        {
            CreditConnection(length);
            SkipPayload(length);
            return;
        }

        stream.ReceiveWindow -= length;
        _dataStream = stream;
        _dataLeft = length;
        _padLeft = 0;
        _dataEnds = _frame.Has(FrameFlags.EndStream);
        if (_frame.Has(FrameFlags.Padded))
        {
            if (length == 0)
            {
                Fail(Http2ErrorCode.FrameSizeError, "padded DATA without a pad length");
                return;
            }

            _phase = ReadPhase.DataPadLength;
        }
        else if (length > 0)
        {
            _guard.Useful();
            _phase = ReadPhase.Data;
        }
        else
        {
            _phase = ReadPhase.Header;
            if (!_dataEnds) CountControl(); else Deliver([], endStream: true);
        }
    }

    /// <summary>The stream to deliver to; null to ignore the payload (a stream error may have been queued) or when the connection failed.</summary>
    private Http2Stream? FindForData()
    {
        var streamId = _frame.StreamId;
        if (_streams.Find(streamId) is not { } stream)
        {
            if (IsIdle(streamId))
            {
                Fail(Http2ErrorCode.ProtocolError, "DATA for a stream that was never opened");
            }
            else if (!_resetMemory.Contains(streamId))
            {
                RefuseStream(streamId, Http2ErrorCode.StreamClosed);
            }
            else if (_frame.Length == 0)
            {
                CountControl();
            }

            return null;
        }

        var error = stream.RemoteClosed ? Http2ErrorCode.StreamClosed
            : !stream.FinalHeadersReceived ? Http2ErrorCode.ProtocolError
            : _frame.Length > stream.ReceiveWindow ? Http2ErrorCode.FlowControlError
            : Http2ErrorCode.NoError;
        if (error == Http2ErrorCode.NoError) return stream;
        StreamError(stream, error);
        return null;
    }

    private void BeginPadding(byte padLength)
    {
        if (padLength >= _frame.Length)
        {
            Fail(Http2ErrorCode.ProtocolError, "DATA with more padding than payload");
            return;
        }

        _dataLeft = _frame.Length - 1 - padLength;
        _padLeft = padLength;
        CreditPadding(1);
        if (_dataLeft > 0)
        {
            _guard.Useful();
        }
        else if (!_dataEnds && !CountControl())
        {
            return;
        }

        AfterData();
    }

    private int StepData(ReadOnlySpan<byte> bytes)
    {
        var n = Math.Min(bytes.Length, _dataLeft);
        _dataLeft -= n;
        if (_dataStream is null)
        {
            // The stream died while its frame was under way; its window was given back then.
            AfterData();
            return n;
        }

        var last = _dataLeft == 0 && _padLeft == 0;
        if (last) _phase = ReadPhase.Header;
        Deliver(bytes[..n], last && _dataEnds);
        if (!last) AfterData();
        return n;
    }

    private int StepPadding(ReadOnlySpan<byte> bytes)
    {
        var n = Math.Min(bytes.Length, _padLeft);
        _padLeft -= n;
        if (_dataStream is not null) CreditPadding(n);
        AfterData();
        return n;
    }

    private void AfterData()
    {
        if (_dataLeft > 0)
        {
            _phase = ReadPhase.Data;
        }
        else if (_padLeft > 0)
        {
            _phase = ReadPhase.Padding;
        }
        else
        {
            _phase = ReadPhase.Header;
            if (_dataEnds && _dataStream is not null) Deliver([], endStream: true);
        }
    }

    private void Deliver(ReadOnlySpan<byte> data, bool endStream)
    {
        var stream = _dataStream!;
        stream.Unconsumed += data.Length;
        stream.BodyReceived += data.Length;
        if (stream.ContentLength >= 0
            && (stream.BodyReceived > stream.ContentLength || (endStream && stream.BodyReceived != stream.ContentLength)))
        {
            StreamError(stream, Http2ErrorCode.ProtocolError);
            return;
        }

        if (endStream)
        {
            stream.RemoteClosed = true;
            _dataStream = null;
        }

        _handler.OnData(stream, data, endStream);
        if (endStream) FinishIfDone(stream);
    }

    private void CreditPadding(int bytes)
    {
        CreditConnection(bytes);
        CreditStream(_dataStream!, bytes);
    }

    private void CreditConnection(int bytes)
    {
        _receiveCredit += bytes;
        if (IsClosed || _receiveCredit < _options.ConnectionWindow / 2) return;
        _receiveWindow += _receiveCredit;
        WriteWindowUpdate(0, _receiveCredit);
        _receiveCredit = 0;
    }
}
