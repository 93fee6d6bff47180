using System.Buffers.Binary;
using Culvert.Http2.Frames;

namespace Culvert.Http2;

/// <content>Sending messages that may be dropped but not cut: datagrams.</content>
public sealed partial class Http2Connection
{
    private int _openFrameStreamId;
    private long _openFrame;
    private int _openFrameLength;

    /// <summary>
    /// Queues <paramref name="head"/> and <paramref name="body"/> as DATA, wholly or not at all. Messages that follow each other on one stream share a frame
    /// until the output is looked at, so that many small ones cost one header. False when the stream is closed, a window is too small or too much output
    /// is pending; nothing is remembered of it then, and <see cref="IHttp2Handler.OnWindowAvailable"/> does not follow.
    /// </summary>
    public bool TrySendWhole(Http2Stream stream, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (_reserved is not null) throw new InvalidOperationException("Reserved DATA must be committed before anything else is sent.");
        var size = head.Length + body.Length;
        if (!stream.Active || stream.LocalClosed || size == 0) return false;
        if (stream.SendWindowSize < size || _sendWindow < size || _output.Pending >= _options.OutputHighWaterMark) return false;
        var max = Math.Min(PeerMaxFrameSize, _options.MaxDataFrame);
        stream.SendWindowSize -= size;
        _sendWindow -= size;
        if (size <= max)
        {
            var room = RoomInFrame(stream, size, max);
            head.CopyTo(room);
            body.CopyTo(room[head.Length..]);
            return true;
        }

        Split(stream, head, max);
        Split(stream, body, max);
        return true;
    }

    private void Split(Http2Stream stream, ReadOnlySpan<byte> bytes, int max)
    {
        while (!bytes.IsEmpty)
        {
            var left = IsFrameOpen(stream) ? max - _openFrameLength : max;
            var n = Math.Min(bytes.Length, left > 0 ? left : max);
            bytes[..n].CopyTo(RoomInFrame(stream, n, max));
            bytes = bytes[n..];
        }
    }

    private bool IsFrameOpen(Http2Stream stream) =>
        _openFrameStreamId == stream.Id && _output.Position == _openFrame + FrameHeader.Size + _openFrameLength;

    /// <summary>Room for so many bytes in the frame that was written last, or in a new one; it is pending already.</summary>
    private Span<byte> RoomInFrame(Http2Stream stream, int size, int max)
    {
        if (IsFrameOpen(stream) && _openFrameLength + size <= max)
        {
            var room = _output.GetSpan(size)[..size];
            _output.Advance(size);
            _openFrameLength += size;

            // Only the length changes; it is the upper three of four bytes.
            var frame = _output.Since(_output.Pending - FrameHeader.Size - _openFrameLength);
            BinaryPrimitives.WriteUInt32BigEndian(frame, ((uint)_openFrameLength << 8) | (byte)FrameType.Data);
            return room;
        }

        _openFrame = _output.Position;
        _openFrameStreamId = stream.Id;
        _openFrameLength = size;
        _guard.Useful();
        return Frame(size, FrameType.Data, FrameFlags.None, stream.Id);
    }
}
