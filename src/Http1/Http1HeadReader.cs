namespace Culvert.Http1;

/// <summary>
/// Finds and reads the heads of a connection's messages, one after the other (RFC 9112). Strict: what two implementations could take for different messages is refused, whatever is usual. Looks at each byte once while a
/// head comes in pieces, and allocates nothing once its tables have grown. Not thread-safe.
/// </summary>
/// <param name="limits">What a head may have.</param>
public sealed class Http1HeadReader(Http1Limits limits)
{
    // A client may send some after the request before (RFC 9112, section 2.2).
    private const int MostEmptyLines = 4;

    private readonly FieldLines _fields = new(limits.MaxFields);
    private int _start = -1; // of the start line
    private int _startEnd; // of it, without CR LF
    private int _line; // where the line begins that was looked at last
    private int _searched; // up to where it has no end
    private int _emptyLines;

    /// <summary>Reads the head of a request.</summary>
    /// <param name="input">All bytes since the last message: those of before, while more were needed, and what came since.</param>
    /// <param name="head">What is filled once the head is whole; it has nothing of value before.</param>
    public HeadResult ReadRequest(ReadOnlySpan<byte> input, Http1Head head)
    {
        ArgumentNullException.ThrowIfNull(head);
        if (Find(input, out int end) is { } unfinished) return Told(unfinished.NeedsMore && !StartLine.IsRequestBegun(Begun(input)) ? new(0, MessageRefusal.StartLine) : unfinished);
        head.Clear();
        ReadOnlySpan<byte> line = input[_start.._startEnd];
        MessageRefusal? refusal = StartLine.SplitRequest(line, out ReadOnlySpan<byte> method, out ReadOnlySpan<byte> target, out bool isVersion10);
        head.IsVersion10 = isVersion10;
        refusal ??= _fields.Read(input, head);
        if (refusal is null && _fields.Hosts != 1) refusal = _fields.Hosts > 1 ? MessageRefusal.ManyHosts : isVersion10 ? null : MessageRefusal.NoHost;

        // An empty one is right where the target has no authority (RFC 9112, section 3.2), as what another proxy makes of HTTP/1.0.
        if (refusal is null && _fields.Hosts == 1 && !_fields.Host(input).IsEmpty && !Octets.IsHost(_fields.Host(input))) refusal = MessageRefusal.Host;
        refusal ??= StartLine.AddTarget(method, target, _fields.Host(input), head.Fields);
        if (refusal is not null) return Told(new(0, refusal));
        Framing.OfRequest(_fields, head);
        _fields.AddTo(input, head, isRequest: true, hasLength: true);
        return Told(new(end, null));
    }

    /// <summary>Reads the head of a response, an interim one (1xx) included.</summary>
    /// <param name="input">As <see cref="ReadRequest"/>.</param>
    /// <param name="isHead">Whether it answers HEAD, and so has no body.</param>
    /// <param name="head">As <see cref="ReadRequest"/>.</param>
    public HeadResult ReadResponse(ReadOnlySpan<byte> input, bool isHead, Http1Head head)
    {
        ArgumentNullException.ThrowIfNull(head);
        if (Find(input, out int end) is { } unfinished) return Told(unfinished.NeedsMore && !StartLine.IsResponseBegun(Begun(input)) ? new(0, MessageRefusal.StartLine) : unfinished);
        head.Clear();
        MessageRefusal? refusal = StartLine.ReadResponse(input[_start.._startEnd], out int status, out bool isVersion10);
        head.IsVersion10 = isVersion10;
        refusal ??= _fields.Read(input, head);
        refusal ??= Framing.OfResponse(_fields, status, isHead, head);
        if (refusal is not null) return Told(new(0, refusal));
        head.Fields.AddStatus(status);
        _fields.AddTo(input, head, isRequest: false, hasLength: !Framing.IsWithoutBody(status));
        return Told(new(end, null));
    }

    /// <summary>Looks for the empty line at the end. Null when it is there, <paramref name="end"/> bytes into the input.</summary>
    private HeadResult? Find(ReadOnlySpan<byte> input, out int end)
    {
        end = 0;
        while (true)
        {
            int found = input[_searched..].IndexOf((byte)'\n');
            if (found < 0) return Unfinished(input);
            int feed = _searched + found;
            if (feed == _line || input[feed - 1] != '\r') return new(0, MessageRefusal.BareLineFeed);
            int lineEnd = feed - 1, from = _line;
            _line = _searched = feed + 1;
            if (lineEnd == from)
            {
                if (_start >= 0)
                {
                    end = feed + 1;
                    return end > limits.MaxHead ? new(0, MessageRefusal.LongHead) : null;
                }

                if (++_emptyLines > MostEmptyLines) return new(0, MessageRefusal.StartLine);
            }
            else if (_start < 0)
            {
                if (lineEnd - from > limits.MaxStartLine) return new(0, MessageRefusal.LongStartLine);
                (_start, _startEnd) = (from, lineEnd);
            }
            else if (!_fields.TryAdd(from, lineEnd))
            {
                return new(0, MessageRefusal.ManyFields);
            }
        }
    }

    // What there is of the start line: of another protocol nothing may follow that would end a head.
    private ReadOnlySpan<byte> Begun(ReadOnlySpan<byte> input) => _start < 0 ? input[_line..].TrimStart((byte)'\r') : input[_start.._startEnd];

    private HeadResult Unfinished(ReadOnlySpan<byte> input)
    {
        _searched = input.Length;
        if (_start < 0 && input.Length - _line > limits.MaxStartLine) return new(0, MessageRefusal.LongStartLine);
        return input.Length >= limits.MaxHead ? new(0, MessageRefusal.LongHead) : default;
    }

    private HeadResult Told(HeadResult result)
    {
        if (result.NeedsMore) return result;
        _start = -1;
        _line = _searched = _emptyLines = 0;
        _fields.Clear();
        return result;
    }
}
