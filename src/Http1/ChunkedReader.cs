using Culvert.Http2;

namespace Culvert.Http1;

/// <summary>Reads one body after the other that comes in chunks (RFC 9112, section 7.1). Strict as <see cref="Http1HeadReader"/>. Copies no content; allocates nothing once its tables have grown. Not thread-safe.</summary>
/// <param name="limits">What trailers may have.</param>
public sealed class ChunkedReader(Http1Limits limits)
{
    // What a size and its extensions, which mean nothing to anybody here, may have: they would be work without content.
    private const int LongestSizeLine = 256, MostDigits = 15;

    private static readonly Range Nothing = 0..0;

    private readonly FieldLines _trailers = new(limits.MaxFields);
    private State _state;
    private long _left; // of the chunk

    /// <summary>The trailers, once the end was reached; names in lower case. Those that are about the connection are not among them.</summary>
    public HeaderList Trailers { get; } = new();

    /// <summary>Makes it ready for the next body.</summary>
    public void Begin()
    {
        (_state, _left) = (State.Size, 0);
        Trailers.Clear();
    }

    /// <summary>Reads up to the end of the input, of a piece of content, or of the body. To be called again with what is left while something was consumed, and with more when nothing was.</summary>
    /// <param name="input">What has not been consumed of the bytes so far.</param>
    public ChunkResult Read(ReadOnlySpan<byte> input)
    {
        int at = 0;
        while (true)
        {
            ReadOnlySpan<byte> rest = input[at..];
            switch (_state)
            {
                case State.Size:
                    if (ReadSize(rest, out int size) is { } wrong) return new(at, Nothing, false, wrong);
                    if (size == 0) return new(at, Nothing, false, null);
                    at += size;
                    break;
                case State.Data:
                    int data = (int)Math.Min(_left, rest.Length);
                    if (data == 0) return new(at, Nothing, false, null);
                    _left -= data;
                    if (_left == 0) _state = State.DataEnd;
                    return new(at + data, at..(at + data), false, null);
                case State.DataEnd:
                    if (!"\r\n"u8.StartsWith(rest[..Math.Min(2, rest.Length)])) return new(at, Nothing, false, MessageRefusal.ChunkEnd);
                    if (rest.Length < 2) return new(at, Nothing, false, null);
                    at += 2;
                    _state = State.Size;
                    break;
                case State.Trailers:
                    if (ReadTrailers(rest, out int trailers) is { } refusal) return new(at, Nothing, false, refusal);
                    if (trailers > 0) _state = State.Ended;
                    return new(at + trailers, Nothing, trailers > 0, null);
                default:
                    return new(at, Nothing, true, null);
            }
        }
    }

    private MessageRefusal? ReadSize(ReadOnlySpan<byte> input, out int consumed)
    {
        consumed = 0;
        ReadOnlySpan<byte> seen = input[..Math.Min(input.Length, LongestSizeLine)];
        int feed = seen.IndexOf((byte)'\n');
        if (feed < 0) return seen.Length == LongestSizeLine ? MessageRefusal.ChunkExtension : IsSizeBegun(seen) ? null : MessageRefusal.ChunkSize;
        if (feed == 0 || seen[feed - 1] != '\r') return MessageRefusal.BareLineFeed;
        ReadOnlySpan<byte> line = seen[..(feed - 1)];
        int digits = DigitsOf(line);
        if (digits is 0 or > MostDigits) return MessageRefusal.ChunkSize;
        ReadOnlySpan<byte> after = line[digits..].TrimStart(" \t"u8);
        if (!after.IsEmpty && after[0] != ';') return MessageRefusal.ChunkSize;
        if (Octets.HasControls(after)) return MessageRefusal.ChunkExtension;
        _left = 0;
        foreach (byte digit in line[..digits]) _left = (_left << 4) | (uint)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        _state = _left > 0 ? State.Data : State.Trailers;
        consumed = feed + 1;
        return null;
    }

    // What can't become a size is refused at once.
    private static bool IsSizeBegun(ReadOnlySpan<byte> seen) => seen.IsEmpty || DigitsOf(seen) is > 0 and <= MostDigits;

    private static int DigitsOf(ReadOnlySpan<byte> line)
    {
        int digits = 0;
        while (digits < line.Length && char.IsAsciiHexDigit((char)line[digits])) digits++;
        return digits;
    }

    // As a whole: they are few and short, or none.
    private MessageRefusal? ReadTrailers(ReadOnlySpan<byte> input, out int consumed)
    {
        consumed = 0;
        _trailers.Clear();
        int at = 0;
        while (true)
        {
            int found = input[at..].IndexOf((byte)'\n');
            if (found < 0) return input.Length >= limits.MaxHead ? MessageRefusal.LongHead : null;
            int feed = at + found;
            if (found == 0 || input[feed - 1] != '\r') return MessageRefusal.BareLineFeed;
            if (feed >= limits.MaxHead) return MessageRefusal.LongHead;
            if (found == 1)
            {
                consumed = feed + 1;
                return _trailers.ReadTrailers(input, Trailers);
            }

            if (!_trailers.TryAdd(at, feed - 1)) return MessageRefusal.ManyFields;
            at = feed + 1;
        }
    }

    private enum State
    {
        Size,
        Data,
        DataEnd,
        Trailers,
        Ended,
    }
}
