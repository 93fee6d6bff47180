using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Culvert.Core;

/// <summary>
/// Reads regular expressions: what RE2 and .NET have in common and can be matched without going back. Characters that are not ASCII are the bytes of their UTF-8; <c>.</c>, classes and <c>\xHH</c> are single bytes. Not thread-safe.
/// </summary>
internal sealed partial class ExpressionParser
{
    /// <summary>Most positions of an expression (<see cref="ExpressionNode.Positions"/>).</summary>
    internal const int MaxPositions = Bits256.Count;

    /// <summary>Most groups within groups.</summary>
    internal const int MaxDepth = 64;

    private const int MaxTimes = 1000;

    private readonly string _text;
    private readonly int _mostPositions;
    private int _at;
    private string? _error;

    private ExpressionParser(string text, int mostPositions) => (_text, _mostPositions) = (text, mostPositions);

    private bool IsAtEnd => _at == _text.Length;

    private ReadOnlySpan<char> Rest => _text.AsSpan(_at);

    /// <summary>Reads one.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="mostPositions">How large it may be; at most <see cref="MaxPositions"/>.</param>
    /// <param name="node">It, when true is returned.</param>
    /// <param name="reason">Why it is none and where, when false is returned.</param>
    internal static bool TryParse(string text, int mostPositions, [NotNullWhen(true)] out ExpressionNode? node, [NotNullWhen(false)] out string? reason)
    {
        ExpressionParser parser = new(text, mostPositions);
        node = parser.ReadBranches(0, default);
        if (node is not null && !parser.IsAtEnd) node = parser.Fail(parser._at, "')' closes no group");
        if (node?.Positions > mostPositions) node = parser.TooLarge(node.Positions);
        reason = parser._error;
        return node is not null;
    }

    // Up to the end of the group, or of the expression.
    private ExpressionNode? ReadBranches(int depth, Options options)
    {
        List<ExpressionNode> branches = [], parts = [];
        while (!IsAtEnd && _text[_at] != ')')
        {
            if (_text[_at] == '|')
            {
                branches.Add(ExpressionNode.Sequence(parts));
                parts = [];
                _at++;
                continue;
            }

            if (IsOptions())
            {
                int start = _at;
                Options named = options;
                if (!TryReadOptions(ref named, out bool isOfGroup)) return null;
                if (!isOfGroup)
                {
                    options = named; // for the rest of the group around them
                    continue;
                }

                if (ReadRestOfGroup(start, depth, named) is not { } group || ReadRepetition(group) is not { } whole) return null;
                parts.Add(whole);
                continue;
            }

            if (ReadAtom(depth, options) is not { } atom || ReadRepetition(atom) is not { } part) return null;
            parts.Add(part);
        }

        branches.Add(ExpressionNode.Sequence(parts));
        return ExpressionNode.Choice(branches);
    }

    private ExpressionNode? ReadAtom(int depth, Options options)
    {
        switch (_text[_at])
        {
            case '(':
                return ReadGroup(depth, options);
            case '[':
                return ReadClass(options);
            case '\\':
                return ReadEscape(options);
            case '.':
                _at++;
                return new ExpressionNode.Symbol(options.DotMatchesNewline ? Bits256.All : ~Bits256.None.With('\n'));
            case '^':
                return ReadPlace(1, ExpressionNode.Places.Beginning);
            case '$':
                return ReadPlace(1, ExpressionNode.Places.End);
            case '*' or '+' or '?':
                return Fail(_at, $"'{_text[_at]}' repeats nothing");
            case '{' when IsTimes(out _):
                return Fail(_at, "'{' repeats nothing");
            default:
                return ReadLiteral(options);
        }
    }

    private ExpressionNode.Place ReadPlace(int length, ExpressionNode.Places where)
    {
        _at += length;
        return new ExpressionNode.Place(where | ExpressionNode.Places.EmptyText);
    }

    private ExpressionNode? ReadLiteral(Options options)
    {
        if (Rune.DecodeFromUtf16(Rest, out Rune character, out int length) != System.Buffers.OperationStatus.Done) return Fail(_at, "half a character");
        _at += length;
        Span<byte> bytes = stackalloc byte[4];
        bytes = bytes[..character.EncodeToUtf8(bytes)];
        return ExpressionNode.Sequence(bytes.ToArray().Select(b => Byte(b, options)));
    }

    private ExpressionNode? ReadGroup(int depth, Options options)
    {
        int start = _at++;
        if (!Rest.StartsWith("?")) return ReadRestOfGroup(start, depth, options);
        string? fault = Rest switch
        {
            ['?', '=' or '!', ..] => "looks ahead",
            ['?', '<', '=' or '!', ..] => "looks behind",
            ['?', '>', ..] => "never goes back, which nothing here does",
            ['?', '(', ..] => "depends on another group",
            ['?', '#', ..] => "is a comment",
            ['?', 'P', '=' or '>', ..] => "refers to another group",
            _ => null,
        };
        if (fault is not null) return Fail(start, $"a group that {fault}");
        if (!TrySkip("?:") && !TrySkipName()) return Fail(start, "'(?' begins none of (?:…), (?<name>…), (?P<name>…), (?i) and (?s)");
        return ReadRestOfGroup(start, depth, options);
    }

    private ExpressionNode? ReadRestOfGroup(int start, int depth, Options options)
    {
        if (depth == MaxDepth) return Fail(start, $"more than {MaxDepth} groups within each other");
        ExpressionNode? inner = ReadBranches(depth + 1, options);
        if (inner is null) return null;
        if (IsAtEnd) return Fail(start, "'(' is not closed");
        _at++;
        return inner;
    }

    private bool TrySkipName()
    {
        int start = _at;
        if (TrySkip("?P<") || TrySkip("?<"))
        {
            int end = Rest.IndexOf('>');
            if (end > 0 && !char.IsAsciiDigit(_text[_at]) && Rest[..end].ContainsAnyExcept(WordCharacters) is false)
            {
                _at += end + 1;
                return true;
            }
        }

        _at = start;
        return false;
    }

    private bool TrySkip(string text)
    {
        if (!Rest.StartsWith(text, StringComparison.Ordinal)) return false;
        _at += text.Length;
        return true;
    }

    private ExpressionNode? ReadRepetition(ExpressionNode body)
    {
        int start = _at;
        if (!IsTimes(out Times times)) return body;
        if (times.Least > MaxTimes || times.Most > MaxTimes) return Fail(start, $"more than {MaxTimes} times");
        if (times.Least > times.Most) return Fail(start, "more at least than at most");
        long positions = (long)body.Positions * (times.Most ?? Math.Max(times.Least, 1));
        if (positions > _mostPositions) return TooLarge(positions);
        _at += times.Length;
        if (Rest.StartsWith("?")) _at++; // as few as will do: which those are is nothing to the whole of a text
        return IsTimes(out _) ? Fail(_at, $"'{_text[_at]}' repeats what is repeated already") : ExpressionNode.Repeat(body, times.Least, times.Most);
    }

    // Braces that say no number are themselves.
    private bool IsTimes(out Times times)
    {
        times = Rest switch
        {
            ['*', ..] => new(0, null, 1),
            ['+', ..] => new(1, null, 1),
            ['?', ..] => new(0, 1, 1),
            _ => default,
        };
        if (times.Length > 0) return true;
        if (IsAtEnd || Rest[0] != '{') return false;
        int end = Rest.IndexOf('}');
        if (end < 0) return false;
        ReadOnlySpan<char> inner = Rest[1..end];
        int comma = inner.IndexOf(',');
        if (Number(comma < 0 ? inner : inner[..comma]) is not { } least) return false;
        int? most = comma < 0 ? least : comma == inner.Length - 1 ? null : Number(inner[(comma + 1)..]) ?? -1;
        times = new(least, most, end + 1);
        return most is not -1;
    }

    private static int? Number(ReadOnlySpan<char> digits)
    {
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9')) return null;
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : int.MaxValue;
    }

    private ExpressionNode? TooLarge(long positions) => FailAs($"is too large: it has {positions} characters and classes, counted as often as they are repeated; at most {_mostPositions} are allowed");

    private ExpressionNode? Fail(int at, string what) => FailAs($"is no regular expression that is taken: character {at + 1}: {what}");

    // What comes first counts.
    private ExpressionNode? FailAs(string reason)
    {
        _error ??= reason;
        return null;
    }

    private static ExpressionNode.Symbol Byte(byte b, Options options) => new(Folded(Bits256.None.With(b), options));

    private static Bits256 Folded(Bits256 bytes, Options options)
    {
        if (!options.IgnoresCase) return bytes;
        Bits256 all = bytes;
        for (int letter = 'a'; letter <= 'z'; letter++)
        {
            if (bytes.Has(letter) || bytes.Has(letter - 32)) all = all.With(letter).With(letter - 32);
        }

        return all;
    }

    /// <summary>How often something is repeated, and how long what says so is.</summary>
    private readonly record struct Times(int Least, int? Most, int Length);

    /// <summary>What holds for the rest of a group.</summary>
    /// <param name="IgnoresCase">Whether letters of ASCII are the same in either case (<c>i</c>).</param>
    /// <param name="DotMatchesNewline">Whether <c>.</c> also matches a line feed (<c>s</c>).</param>
    private readonly record struct Options(bool IgnoresCase, bool DotMatchesNewline);
}
