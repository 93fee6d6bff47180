using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Culvert.Http2;
using Culvert.Http2.Hpack;

namespace Culvert.Http1;

/// <summary>The field lines of one head (RFC 9112, section 5): where they are, and what those say that are about the connection and the body. Reusable.</summary>
internal sealed class FieldLines(int most)
{
    private const int LongestKnownName = 32, MostNominated = 32;

    private readonly List<Line> _lines = [];
    private readonly List<Part> _nominated = [];
    private Part _host, _upgrade;
    private bool _isClosing, _isKeepAlive, _takesTrailers, _isUpgradeNamed;

    /// <summary>How many <c>host</c> there are.</summary>
    public int Hosts { get; private set; }

    /// <summary>The length of the content; -1: none is said.</summary>
    public long ContentLength { get; private set; }

    /// <summary>Whether the body comes in chunks.</summary>
    public bool IsChunked { get; private set; }

    /// <summary>Whether the connection may be used again, as far as fields say.</summary>
    /// <param name="isVersion10">Where it may not, unless it is said.</param>
    public bool IsKeptAlive(bool isVersion10) => !_isClosing && (!isVersion10 || _isKeepAlive);

    public void Clear()
    {
        _lines.Clear();
        _nominated.Clear();
        (_host, _upgrade, Hosts, ContentLength, IsChunked) = (default, default, 0, -1, false);
        (_isClosing, _isKeepAlive, _takesTrailers, _isUpgradeNamed) = (false, false, false, false);
    }

    /// <summary>Takes note of a line; false when there are too many.</summary>
    public bool TryAdd(int from, int end)
    {
        if (_lines.Count == most) return false;
        _lines.Add(new(from, 0, new(end, end), HeaderNames.Other));
        return true;
    }

    public ReadOnlySpan<byte> Host(ReadOnlySpan<byte> input) => _host.Of(input);

    /// <summary>Reads all lines, and what they say of connection and body.</summary>
    public MessageRefusal? Read(ReadOnlySpan<byte> input, Http1Head head)
    {
        ContentLength = -1;
        for (int i = 0; i < _lines.Count; i++)
        {
            if (Split(input, _lines[i], out Line line) is { } refusal) return refusal;
            _lines[i] = line;
            if (Take(input, line, head) is { } wrong) return wrong;
        }

        if (IsChunked && ContentLength >= 0) return MessageRefusal.LengthAndCoding;
        return IsChunked && head.IsVersion10 ? MessageRefusal.CodingOfOldVersion : null;
    }

    /// <summary>Adds the fields that are not about the connection, with their names in lower case.</summary>
    public void AddTo(ReadOnlySpan<byte> input, Http1Head head, bool isRequest, bool hasLength)
    {
        foreach (Line line in _lines)
        {
            if (IsOfConnection(line) || (isRequest && line.Id == HeaderNames.Host) || IsNominated(input, line)) continue;
            if (!hasLength && line.Id == HeaderNames.ContentLength) continue;
            if ((head.ExpectsContinue || head.IsVersion10) && Ascii.EqualsIgnoreCase(line.Name(input), "expect"u8)) continue; // HTTP/1.0 has none (RFC 9110, section 10.1.1)
            Add(input, line, head.Fields);
        }

        if (isRequest && _takesTrailers) head.Fields.Add("te"u8, "trailers"u8);
        if (_isUpgradeNamed && _upgrade.Length > 0) head.SetUpgrade(_upgrade.Of(input));
    }

    /// <summary>Reads all lines as trailers (RFC 9110, section 6.5), and adds them.</summary>
    public MessageRefusal? ReadTrailers(ReadOnlySpan<byte> input, HeaderList into)
    {
        foreach (Line found in _lines)
        {
            if (Split(input, found, out Line line) is { } refusal) return refusal;
            if (line.Id is HeaderNames.Host or HeaderNames.ContentLength or HeaderNames.TransferEncoding or HeaderNames.Connection) return MessageRefusal.TrailerField;
            if (!IsOfConnection(line)) Add(input, line, into);
        }

        return null;
    }

    private static bool IsOfConnection(Line line) =>
        line.Id is HeaderNames.Connection or HeaderNames.ProxyConnection or HeaderNames.KeepAlive or HeaderNames.TransferEncoding or HeaderNames.Upgrade or HeaderNames.Te;

    private static void Add(ReadOnlySpan<byte> input, Line line, HeaderList into)
    {
        Span<byte> room = into.Scratch(line.NameLength + line.Value.Length);
        Ascii.ToLower(line.Name(input), room, out _);
        line.Value.Of(input).CopyTo(room[line.NameLength..]);
        into.Commit(line.Id, line.NameLength, line.Value.Length, neverIndexed: false);
    }

    private static MessageRefusal? Split(ReadOnlySpan<byte> input, Line found, out Line line)
    {
        line = found;
        ReadOnlySpan<byte> text = input[found.From..found.Value.End];
        if (text[0] is (byte)' ' or (byte)'\t') return MessageRefusal.Folded;
        int colon = text.IndexOf((byte)':');
        if (colon < 0 || !Octets.IsToken(text[..colon])) return MessageRefusal.FieldName;
        ReadOnlySpan<byte> rest = text[(colon + 1)..], value = Octets.Trim(rest);
        if (Octets.HasControls(value)) return MessageRefusal.FieldValue;
        int from = value.IsEmpty ? found.Value.End : found.From + colon + 1 + (rest.Length - rest.TrimStart(" \t"u8).Length);
        line = new(found.From, colon, new(from, from + value.Length), IdOf(text[..colon]));
        return null;
    }

    private static byte IdOf(ReadOnlySpan<byte> name)
    {
        if (name.Length > LongestKnownName) return HeaderNames.Other;
        Span<byte> lower = stackalloc byte[LongestKnownName];
        Ascii.ToLower(name, lower, out int length);
        return HeaderNames.Find(lower[..length]);
    }

    private MessageRefusal? Take(ReadOnlySpan<byte> input, Line line, Http1Head head)
    {
        ReadOnlySpan<byte> value = line.Value.Of(input);
        switch (line.Id)
        {
            case HeaderNames.Host:
                Hosts++;
                _host = line.Value;
                return null;
            case HeaderNames.ContentLength:
                // Twice the same is refused as well: who reads the first, and who a list of both, would have to agree.
                if (ContentLength >= 0 || !TryReadLength(value, out long length)) return MessageRefusal.Length;
                ContentLength = length;
                return null;
            case HeaderNames.TransferEncoding:
                if (IsChunked) return MessageRefusal.Coding;
                IsChunked = Ascii.EqualsIgnoreCase(value, "chunked"u8);
                return IsChunked ? null : value.LastIndexOf((byte)',') is >= 0 and var comma && Ascii.EqualsIgnoreCase(Octets.Trim(value[(comma + 1)..]), "chunked"u8) ? MessageRefusal.UnknownCoding : MessageRefusal.Coding;
            case HeaderNames.Connection:
                return TakeConnection(input, line.Value);
            case HeaderNames.Upgrade:
                _upgrade = line.Value;
                return null;
            case HeaderNames.Te:
                _takesTrailers |= HasToken(value, "trailers"u8);
                return null;
            default:
                head.ExpectsContinue |= !head.IsVersion10 && Ascii.EqualsIgnoreCase(line.Name(input), "expect"u8) && Ascii.EqualsIgnoreCase(value, "100-continue"u8);
                return null;
        }
    }

    private MessageRefusal? TakeConnection(ReadOnlySpan<byte> input, Part list)
    {
        ReadOnlySpan<byte> value = list.Of(input);
        foreach (Range range in value.Split((byte)','))
        {
            ReadOnlySpan<byte> token = Octets.Trim(value[range]);
            if (token.IsEmpty) continue; // empty elements are allowed (RFC 9110, section 5.6.1.2)
            if (!Octets.IsToken(token)) return MessageRefusal.Connection;
            switch (IdOf(token))
            {
                case HeaderNames.Host or HeaderNames.ContentLength or HeaderNames.TransferEncoding:
                    return MessageRefusal.Connection;
                case HeaderNames.Upgrade:
                    _isUpgradeNamed = true;
                    break;
                case HeaderNames.KeepAlive:
                    _isKeepAlive = true;
                    break;
                default:
                    if (Ascii.EqualsIgnoreCase(token, "close"u8)) _isClosing = true;
                    else if (_nominated.Count == MostNominated) return MessageRefusal.Connection;
                    else _nominated.Add(Part.At(value, list.From, token));
                    break;
            }
        }

        return null;
    }

    private bool IsNominated(ReadOnlySpan<byte> input, Line line)
    {
        foreach (Part name in _nominated)
        {
            if (name.Length == line.NameLength && Ascii.EqualsIgnoreCase(name.Of(input), line.Name(input))) return true;
        }

        return false;
    }

    private static bool HasToken(ReadOnlySpan<byte> list, ReadOnlySpan<byte> wanted)
    {
        foreach (Range range in list.Split((byte)','))
        {
            if (Ascii.EqualsIgnoreCase(Octets.Trim(list[range]), wanted)) return true;
        }

        return false;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> value, out long length)
    {
        length = 0;
        return value.Length is > 0 and <= 19 && !value.ContainsAnyExceptInRange((byte)'0', (byte)'9') && Utf8Parser.TryParse(value, out length, out int consumed) && consumed == value.Length;
    }

    /// <summary>A part of the input.</summary>
    [SuppressMessage("Performance", "CA1815", Justification = "Never compared.")]
    private readonly record struct Part(int From, int End)
    {
        public int Length => End - From;

        public ReadOnlySpan<byte> Of(ReadOnlySpan<byte> input) => input[From..End];

        /// <summary>Where a slice of a part is.</summary>
        public static Part At(ReadOnlySpan<byte> whole, int wholeFrom, ReadOnlySpan<byte> slice)
        {
            whole.Overlaps(slice, out int offset);
            return new(wholeFrom + offset, wholeFrom + offset + slice.Length);
        }
    }

    /// <param name="From">Where it begins.</param>
    /// <param name="NameLength">Length of its name.</param>
    /// <param name="Value">Its value, without white space around it.</param>
    /// <param name="Id">Number of its name in <see cref="HeaderNames"/>.</param>
    private readonly record struct Line(int From, int NameLength, Part Value, byte Id)
    {
        public ReadOnlySpan<byte> Name(ReadOnlySpan<byte> input) => input.Slice(From, NameLength);
    }
}
