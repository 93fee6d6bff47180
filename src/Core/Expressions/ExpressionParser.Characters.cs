using System.Buffers;

namespace Culvert.Core;

/// <content>Escapes, classes and options.</content>
internal sealed partial class ExpressionParser
{
    private static readonly SearchValues<char> WordCharacters = SearchValues.Create("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");

    private static readonly Bits256 Digits = Bits256.None.With('0', '9');
    private static readonly Bits256 Words = Digits.With('A', 'Z').With('a', 'z').With('_');
    private static readonly Bits256 Spaces = Bits256.None.With('\t', '\r').With(' ');

    private ExpressionNode? ReadEscape(Options options)
    {
        switch (Rest)
        {
            case ['\\', 'A', ..]:
                return ReadPlace(2, ExpressionNode.Places.Beginning);
            case ['\\', 'z', ..]:
                return ReadPlace(2, ExpressionNode.Places.End);
            case ['\\', >= '1' and <= '9' or 'k', ..]:
                return Fail(_at, $"'{Rest[..2]}' refers to a group");
            case ['\\', 'b' or 'B', ..]:
                return Fail(_at, $"'{Rest[..2]}', edges of words, is not taken");
        }

        return TryReadEscaped(out Bits256 bytes, out _) ? new ExpressionNode.Symbol(Folded(bytes, options)) : null;
    }

    // What means the same in a class and outside of one; single where it is one byte.
    private bool TryReadEscaped(out Bits256 bytes, out int single)
    {
        int start = _at++;
        (bytes, single) = (default, -1);
        if (IsAtEnd)
        {
            Fail(start, "'\\' is the last");
            return false;
        }

        char what = _text[_at++];
        switch (what)
        {
            case 'd' or 'D':
                bytes = what == 'd' ? Digits : ~Digits;
                return true;
            case 'w' or 'W':
                bytes = what == 'w' ? Words : ~Words;
                return true;
            case 's' or 'S':
                bytes = what == 's' ? Spaces : ~Spaces;
                return true;
            case 't' or 'n' or 'r' or 'f' or 'v':
                single = what switch { 't' => '\t', 'n' => '\n', 'r' => '\r', 'f' => '\f', _ => '\v' };
                break;
            case 'x':
                if (_text.Length - _at < 2 || !char.IsAsciiHexDigit(_text[_at]) || !char.IsAsciiHexDigit(_text[_at + 1]))
                {
                    Fail(start, "two digits of base 16 come behind '\\x'");
                    return false;
                }

                single = Convert.FromHexString(Rest[..2])[0];
                _at += 2;
                break;
            case >= ' ' and <= '~' when !char.IsAsciiLetterOrDigit(what) && what != '_':
                single = what;
                break;
            default:
                Fail(start, what is 'p' or 'P' ? $"'\\{what}', classes of Unicode, is not taken" : $"'\\{what}' means nothing");
                return false;
        }

        bytes = Bits256.None.With(single);
        return true;
    }

    private ExpressionNode? ReadClass(Options options)
    {
        int start = _at++;
        bool isNegated = TrySkip("^");
        Bits256 bytes = Bits256.None;
        for (bool isFirst = true; !IsAtEnd && (isFirst || _text[_at] != ']'); isFirst = false)
        {
            int begun = _at;
            if (!TryReadMember(out Bits256 members, out int first)) return null;
            if (first < 0 || Rest is not ['-', not ']', ..])
            {
                bytes |= members;
                continue;
            }

            _at++;
            if (Rest[0] == '[') return Fail(_at - 1, "'-[', classes less others, is not taken");
            if (!TryReadMember(out _, out int last)) return null;
            if (last < first) return Fail(begun, last < 0 ? "a range ends with a class" : "a range ends before it begins");
            bytes = bytes.With(first, last);
        }

        if (IsAtEnd) return Fail(start, "'[' is not closed");
        _at++;
        bytes = Folded(bytes, options);
        return new ExpressionNode.Symbol(isNegated ? ~bytes : bytes);
    }

    private bool TryReadMember(out Bits256 bytes, out int single)
    {
        (bytes, single) = (default, -1);
        if (_text[_at] == '\\') return TryReadEscaped(out bytes, out single);
        string? fault = Rest switch
        {
            ['[', ':' or '.' or '=', ..] => $"'{Rest[..2]}', classes of POSIX, is not taken; write '\\['",
            ['-', '[', ..] => "'-[', classes less others, is not taken; write '\\-'",
            [> '\u007f', ..] => "a class has single bytes, and what is not ASCII is several; write (?:…|…)",
            _ => null,
        };
        if (fault is not null)
        {
            Fail(_at, fault);
            return false;
        }

        single = _text[_at++];
        bytes = Bits256.None.With(single);
        return true;
    }

    // (?i), (?s-i) or (?i: and their like.
    private bool IsOptions() => Rest is ['(', '?', '-' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z' and not 'P'), ..];

    private bool TryReadOptions(ref Options options, out bool isOfGroup)
    {
        int start = _at;
        isOfGroup = false;
        _at += 2;
        bool isOn = true, hasOne = false;
        for (; !IsAtEnd; _at++)
        {
            switch (_text[_at])
            {
                case 'i':
                    options = options with { IgnoresCase = isOn };
                    hasOne = true;
                    break;
                case 's':
                    options = options with { DotMatchesNewline = isOn };
                    hasOne = true;
                    break;
                case '-' when isOn:
                    (isOn, hasOne) = (false, false);
                    break;
                case ')' or ':' when hasOne:
                    isOfGroup = _text[_at++] == ':';
                    return true;
                default:
                    Fail(_at, $"'{_text[_at]}' is no option; i and s are");
                    return false;
            }
        }

        Fail(start, "'(' is not closed");
        return false;
    }
}
