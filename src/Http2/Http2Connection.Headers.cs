using System.Buffers;
using Culvert.Http2.Frames;
using Culvert.Http2.Hpack;

namespace Culvert.Http2;

/// <content>Receiving header sections.</content>
public sealed partial class Http2Connection
{
    private byte[] _block = [];
    private int _blockLength;
    private int _blockStreamId;
    private int _blockFrames;
    private bool _blockEndsStream;

    private int MaxBlockLength => (2 * _options.MaxHeaderListSize) + 16_384;

    private void OnHeadersFrame(ReadOnlySpan<byte> payload)
    {
        var padding = 0;
        if (_frame.Has(FrameFlags.Padded))
        {
            if (payload.IsEmpty)
            {
                Fail(Http2ErrorCode.FrameSizeError, "padded HEADERS without a pad length");
                return;
            }

            padding = payload[0];
            payload = payload[1..];
        }

        if (_frame.Has(FrameFlags.Priority))
        {
            if (payload.Length < 5)
            {
                Fail(Http2ErrorCode.FrameSizeError, "HEADERS too short for its priority");
                return;
            }

            payload = payload[5..];
        }

        if (padding > payload.Length)
        {
            Fail(Http2ErrorCode.ProtocolError, "HEADERS with more padding than payload");
            return;
        }

        payload = payload[..^padding];
        _blockEndsStream = _frame.Has(FrameFlags.EndStream);
        if (_frame.Has(FrameFlags.EndHeaders))
        {
            CompleteHeaders(_frame.StreamId, payload, _blockEndsStream);
            return;
        }

        _blockStreamId = _frame.StreamId;
        _blockFrames = 0;
        _blockLength = 0;
        AppendBlock(payload);
    }

    private void OnContinuation(ReadOnlySpan<byte> payload)
    {
        if (++_blockFrames > _options.MaxContinuationFrames || _blockLength + payload.Length > MaxBlockLength)
        {
            Fail(Http2CloseReason.ContinuationFlood, Http2ErrorCode.EnhanceYourCalm, "a header block is too long");
            return;
        }

        AppendBlock(payload);
        if (!_frame.Has(FrameFlags.EndHeaders)) return;
        var streamId = _blockStreamId;
        _blockStreamId = 0;
        CompleteHeaders(streamId, _block.AsSpan(0, _blockLength), _blockEndsStream);
        ReturnBlock();
    }

    private void AppendBlock(ReadOnlySpan<byte> payload)
    {
        var needed = _blockLength + payload.Length;
        if (needed > _block.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(needed);
            _block.AsSpan(0, _blockLength).CopyTo(larger);
            ReturnBlock();
            _block = larger;
        }

        payload.CopyTo(_block.AsSpan(_blockLength));
        _blockLength = needed;
    }

    private void ReturnBlock()
    {
        var block = _block;
        _block = [];
        if (block.Length > 0) ArrayPool<byte>.Shared.Return(block);
    }

    private void CompleteHeaders(int streamId, ReadOnlySpan<byte> block, bool endStream)
    {
        // Every block is decoded, wanted or not: both ends' tables must stay the same.
        _headers.Clear();
        var decoded = _decoder.Decode(block, _headers, _options.MaxHeaderListSize);
        if (decoded == HpackResult.Error)
        {
            Fail(Http2ErrorCode.CompressionError, "a header block cannot be decompressed");
            return;
        }

        if (_streams.Find(streamId) is { } stream)
        {
            HeadersOnStream(stream, decoded == HpackResult.TooLarge, endStream);
        }
        else if (Role == Http2Role.Server && (streamId & 1) == 1 && streamId > _lastPeerId)
        {
            NewRequest(streamId, decoded == HpackResult.TooLarge, endStream);
        }
        else if (Role == Http2Role.Server ? (streamId & 1) == 0 : (streamId & 1) == 0 || streamId >= NextIdOrMax)
        {
            Fail(Http2ErrorCode.ProtocolError, "HEADERS with a stream identifier that was never opened");
        }
        else if (_resetMemory.Contains(streamId))
        {
            CountControl();
        }
        else
        {
            Fail(Http2ErrorCode.StreamClosed, "HEADERS for a closed stream");
        }
    }

    private void NewRequest(int streamId, bool tooLarge, bool endStream)
    {
        _lastPeerId = streamId;
        if (_shutdown == ShutdownPhase.Final)
        {
            // The peer was told that this stream will not be looked at (RFC 9113, section 6.8).
            _resetMemory.Add(streamId);
            CountControl();
            return;
        }

        // What is refused later is answered, too. A turn may bring output to a little more than the most of it.
        if (_output.Pending > 2L * _options.MaxOutputBytes && !MayAnswer()) return;
        if (tooLarge)
        {
            RefuseTooLarge(streamId, endStream);
            return;
        }

        if (_peerOpen >= _options.MaxConcurrentStreams)
        {
            RefuseStream(streamId, Http2ErrorCode.RefusedStream);
            return;
        }

        if (HeaderRules.Request(_headers, _options.EnableConnectProtocol, out var isConnect, out var contentLength) is not null
            || (endStream && contentLength > 0 && !isConnect))
        {
            RefuseStream(streamId, Http2ErrorCode.ProtocolError);
            return;
        }

        var stream = _streams.Take();
        stream.Open(streamId, null, _peerInitialWindow, _localInitialWindow);
        stream.IsConnect = stream.Tunnel = isConnect;
        stream.ContentLength = isConnect ? -1 : contentLength;
        stream.FinalHeadersReceived = true;
        stream.RemoteClosed = endStream;
        _streams.Add(stream);
        _peerOpen++;
        _guard.Useful();
        _handler.OnHeaders(stream, _headers, Http2HeadersKind.Request, endStream);
    }

    /// <summary>Answers 431 (RFC 6585) instead of a bare reset, so that the client sees what was wrong.</summary>
    private void RefuseTooLarge(int streamId, bool endStream)
    {
        if (!MayAnswer()) return;
        _headers.Clear();
        _headers.AddStatus(431);
        WriteHeaders(streamId, _headers, endStream: true);
        if (!endStream)
        {
            RefuseStream(streamId, Http2ErrorCode.NoError);
        }
        else if (!_guard.Reset(premature: true))
        {
            FailRapidReset();
        }
    }

    private void HeadersOnStream(Http2Stream stream, bool tooLarge, bool endStream)
    {
        if (stream.RemoteClosed)
        {
            StreamError(stream, Http2ErrorCode.StreamClosed);
            return;
        }

        if (tooLarge)
        {
            StreamError(stream, Http2ErrorCode.EnhanceYourCalm);
            return;
        }

        var kind = Http2HeadersKind.Trailers;
        if (!stream.FinalHeadersReceived)
        {
            if (HeaderRules.Response(_headers, out var status, out var contentLength) is not null || (status < 200 && endStream))
            {
                StreamError(stream, Http2ErrorCode.ProtocolError);
                return;
            }

            kind = status < 200 ? Http2HeadersKind.InformationalResponse : Http2HeadersKind.Response;
            if (status >= 200) TakeFinalResponse(stream, status, contentLength);
        }
        else if (!endStream || stream.Tunnel || HeaderRules.Trailers(_headers) is not null)
        {
            StreamError(stream, Http2ErrorCode.ProtocolError);
            return;
        }

        if (endStream && stream.ContentLength >= 0 && stream.BodyReceived != stream.ContentLength)
        {
            StreamError(stream, Http2ErrorCode.ProtocolError);
            return;
        }

        if (kind == Http2HeadersKind.InformationalResponse)
        {
            if (!CountControl()) return;
        }
        else
        {
            _guard.Useful();
        }

        stream.RemoteClosed = endStream;
        _handler.OnHeaders(stream, _headers, kind, endStream);
        FinishIfDone(stream);
    }

    private static void TakeFinalResponse(Http2Stream stream, int status, long contentLength)
    {
        stream.FinalHeadersReceived = true;
        stream.Tunnel = stream.IsConnect && status is >= 200 and < 300;

        // These have no body whatever content-length says (RFC 9110, section 6.4.1); a tunnel has no length.
        stream.ContentLength = stream.Tunnel ? -1 : stream.IsHead || status is 204 or 304 ? 0 : contentLength;
    }
}
