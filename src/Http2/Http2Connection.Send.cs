using Culvert.Http2.Frames;

namespace Culvert.Http2;

/// <content>Sending: headers, DATA, and the queue of streams that wait for room.</content>
public sealed partial class Http2Connection
{
    private long _sendWindow = InitialWindow;
    private bool _serving;
    private Http2Stream? _reserved;
    private int _reservedSize;
    private bool _reservedCut;

    /// <summary>
    /// Opens a stream and queues its headers (client role). Null when the peer's limit of streams, GOAWAY, the end of the identifiers or of the connection forbids.
    /// </summary>
    /// <exception cref="InvalidOperationException">Called on a server, or with <c>:protocol</c> although the peer does not allow it.</exception>
    public Http2Stream? OpenStream(HeaderList headers, bool endStream, object? state)
    {
        ArgumentNullException.ThrowIfNull(headers);
        if (Role != Http2Role.Client) throw new InvalidOperationException("Only a client opens streams; server push is not supported.");
        if (!headers.Protocol.IsEmpty && !PeerAllowsExtendedConnect) throw new InvalidOperationException("The peer does not allow extended CONNECT (RFC 8441).");
        if (!CanOpenStream) return null;
        var stream = _streams.Take();
        stream.Open(_nextLocalId, state, _peerInitialWindow, _localInitialWindow);
        stream.IsConnect = headers.Method.SequenceEqual("CONNECT"u8);
        stream.IsHead = headers.Method.SequenceEqual("HEAD"u8);
        stream.LocalClosed = endStream;
        stream.FinalHeadersSent = true;
        _nextLocalId = unchecked(_nextLocalId + 2);
        _streams.Add(stream);
        _localOpen++;
        WriteHeaders(stream.Id, headers, endStream);
        _guard.Useful();
        return stream;
    }

    /// <summary>
    /// Queues a header section: a response, an informational response (status 1xx), or, after the final headers, trailers, which must end the stream.
    /// False when the stream is closed on this side already, as after a reset that raced. A tunnel has no trailers (RFC 9113, section 8.5): its user sends none.
    /// </summary>
    /// <exception cref="InvalidOperationException">Trailers that do not end the stream.</exception>
    public bool SendHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(headers);
        if (!stream.Active || stream.LocalClosed) return false;
        if (stream.FinalHeadersSent)
        {
            if (!endStream) throw new InvalidOperationException("Trailers must end the stream.");
        }
        else
        {
            stream.FinalHeadersSent = headers.Status is 0 or >= 200;
        }

        WriteHeaders(stream.Id, headers, endStream);
        _guard.Useful();
        if (endStream) CloseLocal(stream);
        return true;
    }

    /// <summary>
    /// Room for DATA inside the output, behind space for the frame's header, so that a socket can be read straight into it. Its length is the least of
    /// <paramref name="maxBytes"/>, both send windows, the peer's frame size and <see cref="Http2Options.MaxDataFrame"/>. Empty when there is no
    /// window or too much output is pending: then <see cref="IHttp2Handler.OnWindowAvailable"/> follows once there is; and empty for a closed stream.
    /// A span that is not empty must be answered by <see cref="CommitData"/> before any other method that sends.
    /// </summary>
    public Span<byte> ReserveData(Http2Stream stream, int maxBytes)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!stream.Active || stream.LocalClosed || maxBytes <= 0) return default;
        if (stream.SendWindowSize <= 0)
        {
            stream.WantsWindow = true;
            return default;
        }

        if (_sendWindow <= 0 || _output.Pending >= _options.OutputHighWaterMark)
        {
            _ready.Add(stream);
            return default;
        }

        var wanted = Math.Min(maxBytes, Math.Min(PeerMaxFrameSize, _options.MaxDataFrame));
        var size = (int)Math.Min(wanted, Math.Min(stream.SendWindowSize, _sendWindow));
        _reserved = stream;
        _reservedSize = size;
        _reservedCut = size < wanted;
        return _output.Hold(FrameHeader.Size + size).Slice(FrameHeader.Size, size);
    }

    /// <summary>
    /// Makes the first <paramref name="count"/> bytes of the reserved room a DATA frame. 0 without <paramref name="endStream"/> gives the room back;
    /// 0 with it ends the stream, which needs no reservation and no window.
    /// </summary>
    public void CommitData(Http2Stream stream, int count, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (_reserved is not null)
        {
            if (_reserved != stream) throw new InvalidOperationException("Another stream holds the reservation.");
            if (count > _reservedSize) throw new ArgumentOutOfRangeException(nameof(count), count, "More than was reserved.");
            _reserved = null;
            var frame = _output.Release(FrameHeader.Size + count);
            if (count == 0 && !endStream) return;
            FrameHeader.Write(frame, count, FrameType.Data, endStream ? FrameFlags.EndStream : FrameFlags.None, stream.Id);
            _output.Advance(FrameHeader.Size + count);
            stream.SendWindowSize -= count;
            _sendWindow -= count;

            // A frame kept short by a tiny window pays for no WINDOW_UPDATE: a peer cannot make frames of one byte for ever.
            if (!_reservedCut || count < _reservedSize || count >= MinPayingFrame) _guard.Useful();
        }
        else
        {
            if (count > 0) throw new InvalidOperationException("DATA must be reserved before it is committed.");
            if (!endStream || !stream.Active || stream.LocalClosed) return;
            Frame(0, FrameType.Data, FrameFlags.EndStream, stream.Id);
        }

        if (endStream) CloseLocal(stream);
    }

    /// <summary>
    /// Queues as much of <paramref name="data"/> as windows and output allow, copying it. <paramref name="sent"/> tells how much; when less than
    /// all, <see cref="IHttp2Handler.OnWindowAvailable"/> follows and <paramref name="endStream"/> was not sent.
    /// </summary>
    public void SendData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream, out int sent)
    {
        sent = 0;
        if (data.IsEmpty)
        {
            CommitData(stream, 0, endStream);
            return;
        }

        while (sent < data.Length)
        {
            var room = ReserveData(stream, data.Length - sent);
            if (room.IsEmpty) return;
            data.Slice(sent, room.Length).CopyTo(room);
            sent += room.Length;
            CommitData(stream, room.Length, endStream && sent == data.Length);
        }
    }

    private const int MinPayingFrame = 1024;

    private void WriteHeaders(int streamId, HeaderList headers, bool endStream)
    {
        var mark = _output.Pending;
        _output.GetSpan(FrameHeader.Size);
        _output.Advance(FrameHeader.Size);
        _encoder.Encode(headers, _output);
        var length = _output.Pending - mark - FrameHeader.Size;
        var end = endStream ? FrameFlags.EndStream : FrameFlags.None;
        if (length <= PeerMaxFrameSize)
        {
            FrameHeader.Write(_output.Since(mark), length, FrameType.Headers, end | FrameFlags.EndHeaders, streamId);
            return;
        }

        // Rare: make room for CONTINUATION headers by moving the pieces up, last first.
        var max = PeerMaxFrameSize;
        var extra = (length - 1) / max;
        _output.GetSpan(extra * FrameHeader.Size);
        _output.Advance(extra * FrameHeader.Size);
        var all = _output.Since(mark);
        for (var k = extra; k > 0; k--)
        {
            var from = FrameHeader.Size + (k * max);
            var size = Math.Min(max, length - (k * max));
            var to = from + (k * FrameHeader.Size);
            all.Slice(from, size).CopyTo(all[to..]);
            FrameHeader.Write(all[(to - FrameHeader.Size)..], size, FrameType.Continuation, k == extra ? FrameFlags.EndHeaders : FrameFlags.None, streamId);
        }

        FrameHeader.Write(all, max, FrameType.Headers, end, streamId);
    }

    private void WindowOpened(Http2Stream stream)
    {
        if (!stream.WantsWindow || stream.SendWindowSize <= 0) return;
        stream.WantsWindow = false;
        stream.StalledSince = 0;
        _ready.Add(stream);
    }

    /// <summary>Calls waiting streams in turn while there is window and room. Not re-entered: the outer call goes on.</summary>
    private void ServeWaiting()
    {
        if (_serving || _ready.IsEmpty) return;
        _serving = true;
        try
        {
            while (!IsClosed && _sendWindow > 0 && _output.Pending < _options.OutputHighWaterMark && _ready.TryTake(out var stream))
            {
                if (stream.SendWindowSize <= 0)
                {
                    stream.WantsWindow = true;
                    continue;
                }

                _handler.OnWindowAvailable(stream);
            }
        }
        finally
        {
            _serving = false;
        }
    }
}
