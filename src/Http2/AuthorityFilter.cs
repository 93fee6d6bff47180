using System.Buffers;
using Culvert.Http2.Frames;
using Culvert.Http2.Hpack;

namespace Culvert.Http2;

/// <summary>
/// Passes on what a client sends on its connection, with one <c>:authority</c> in all of its requests, whatever it says. Clients that reach a server by a Unix socket say the socket's path there (grpc-java), that with its slashes
/// escaped (gRPC's C core, from 1.57 on), or nothing; some servers refuse what is no host (RFC 3986, section 3.2). No I/O; for one thread at a time.
/// </summary>
public sealed class AuthorityFilter : IDisposable
{
    // What a server takes that has announced nothing else (RFC 9113, 6.5.2).
    private const int LongestFrame = 1 << 14;

    private const int LongestBlock = 64 << 10;
    private const int LongestList = 64 << 10;
    private const int TableSize = 4096;
    private const int PriorityBytes = 5;

    private readonly byte[] _authority;
    private readonly HpackDecoder _decoder = new(TableSize);
    private readonly HpackEncoder _encoder = new(0); // no table: what is passed on stands for itself
    private readonly OutputBuffer _block = new();
    private readonly OutputBuffer _encoded = new();
    private readonly HeaderList _received = new();
    private readonly HeaderList _passed = new();
    private bool _isPrefacePassed;
    private int _stream;
    private FrameFlags _end;

    /// <summary>Makes a filter for a connection.</summary>
    /// <param name="authority">What requests are to say: a host.</param>
    public AuthorityFilter(ReadOnlySpan<byte> authority) => _authority = authority.ToArray();

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Passes on whole frames; what is left is to be given again, with what follows it.</summary>
    /// <param name="input">What has come.</param>
    /// <param name="output">What is passed on.</param>
    /// <param name="consumed">How many bytes of the input are done with.</param>
    /// <returns>False where it is no HTTP/2, or heads are longer than 64 KiB: the connection is to end.</returns>
    public bool TryPass(ReadOnlySpan<byte> input, IBufferWriter<byte> output, out int consumed)
    {
        ArgumentNullException.ThrowIfNull(output);
        consumed = 0;
        if (!_isPrefacePassed)
        {
            var length = Math.Min(input.Length, Preface.Length);
            if (!input[..length].SequenceEqual(Preface[..length])) return false;
            if (length < Preface.Length) return true;
            output.Write(Preface);
            consumed = Preface.Length;
            _isPrefacePassed = true;
        }

        while (input.Length - consumed >= FrameHeader.Size)
        {
            var header = FrameHeader.Read(input[consumed..]);
            if (header.Length > LongestFrame) return false;
            var size = FrameHeader.Size + header.Length;
            if (input.Length - consumed < size) return true;
            if (!TryPass(header, input.Slice(consumed, size), output)) return false;
            consumed += size;
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _block.Dispose();
        _encoded.Dispose();
    }

    private bool TryPass(FrameHeader header, ReadOnlySpan<byte> frame, IBufferWriter<byte> output)
    {
        var payload = frame[FrameHeader.Size..];
        if (_stream != 0) return header.Type == FrameType.Continuation && header.StreamId == _stream && TryGather(header, payload, output);
        switch (header.Type)
        {
            case FrameType.Headers:
                if (header.StreamId == 0 || !TryStrip(header, ref payload)) return false;
                (_stream, _end) = (header.StreamId, header.Flags & FrameFlags.EndStream);
                return TryGather(header, payload, output);
            case FrameType.Continuation:
                return false;
            default:
                output.Write(frame);
                return true;
        }
    }

    // Padding and priority (RFC 9113, section 6.2) are not passed on.
    private static bool TryStrip(FrameHeader header, ref ReadOnlySpan<byte> payload)
    {
        var padding = 0;
        if (header.Has(FrameFlags.Padded))
        {
            if (payload.IsEmpty) return false;
            padding = payload[0];
            payload = payload[1..];
        }

        if (header.Has(FrameFlags.Priority))
        {
            if (payload.Length < PriorityBytes) return false;
            payload = payload[PriorityBytes..];
        }

        if (padding > payload.Length) return false;
        payload = payload[..^padding];
        return true;
    }

    private bool TryGather(FrameHeader header, ReadOnlySpan<byte> fragment, IBufferWriter<byte> output)
    {
        if (_block.Pending + fragment.Length > LongestBlock) return false;
        fragment.CopyTo(_block.GetSpan(fragment.Length));
        _block.Advance(fragment.Length);
        return !header.Has(FrameFlags.EndHeaders) || TryRewrite(output);
    }

    private bool TryRewrite(IBufferWriter<byte> output)
    {
        _received.Clear();
        if (_decoder.Decode(_block.Peek().Span, _received, LongestList) != HpackResult.Ok) return false;
        _block.Consume(_block.Pending);
        _passed.Clear();

        // Trailers have none.
        var isRequest = !_received.Method.IsEmpty;
        if (isRequest) _passed.Add(":authority"u8, _authority);
        for (var i = 0; i < _received.Count; i++)
        {
            var field = _received[i];
            if (isRequest && (field.Name.SequenceEqual(":authority"u8) || field.Name.SequenceEqual("host"u8))) continue;
            _passed.Add(field.Name, field.Value, field.NeverIndexed);
        }

        _encoder.Encode(_passed, _encoded);
        Write(output);
        (_stream, _end) = (0, FrameFlags.None);
        return true;
    }

    private void Write(IBufferWriter<byte> output)
    {
        var type = FrameType.Headers;
        do
        {
            var length = Math.Min(_encoded.Pending, LongestFrame);
            var flags = (type == FrameType.Headers ? _end : FrameFlags.None) | (length == _encoded.Pending ? FrameFlags.EndHeaders : FrameFlags.None);
            var target = output.GetSpan(FrameHeader.Size + length);
            FrameHeader.Write(target, length, type, flags, _stream);
            _encoded.Peek().Span[..length].CopyTo(target[FrameHeader.Size..]);
            output.Advance(FrameHeader.Size + length);
            _encoded.Consume(length);
            type = FrameType.Continuation;
        }
        while (_encoded.Pending > 0);
    }
}
