using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;

namespace Culvert.Core;

/// <summary>
/// A condition on the path of a request: an exact path, a prefix (<c>/api/*</c>), a suffix (<c>*.html</c>), anything (<c>*</c>), or a template: <c>{*}</c> in the place of one segment, <c>{**}</c> at the end in the place of any number.
/// SMI's are regular expressions besides, of which the path has to match a beginning (<c>^/api/.*</c>). Matching takes time in proportion to the path.
/// </summary>
public readonly record struct PathPattern
{
    /// <summary>Most characters of one.</summary>
    public const int MaxLength = 1024;

    // What no path may have as it is (RFC 3986, section 3.3), and regular expressions often have.
    private static readonly SearchValues<char> CodedCharacters = SearchValues.Create("[]|^\"<>`");

    private const string AnySegment = "{*}";
    private const string AnySegments = "{**}";

    private readonly RouteExpression? _expression;

    private PathPattern(string text, RouteExpression? expression = null) => (Text, _expression) = (text, expression);

    /// <summary>The pattern as written, of an expression that says no more than another pattern that one; other expressions begin with <c>^</c>, which no other has.</summary>
    public string Text { get; }

    /// <summary>Whether it is a regular expression that no other pattern could say.</summary>
    public bool IsExpression => _expression is not null;

    /// <summary>Whether it matches one path only.</summary>
    public bool IsExact => _expression is null && !IsTemplate && Text[0] != '*' && Text[^1] != '*';

    /// <summary>Whether it matches every path.</summary>
    public bool IsAny => Text == "*";

    private bool IsTemplate => Text.Contains('{', StringComparison.Ordinal);

    /// <summary>Parses a pattern.</summary>
    /// <exception cref="FormatException">The text is not a pattern; the message says why.</exception>
    public static PathPattern Parse(string text) => TryParse(text, out PathPattern pattern, out string? error) ? pattern : throw new FormatException(error);

    /// <summary>Parses a pattern. One that no normalised path could match is none.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryParse(string? text, out PathPattern pattern, [NotNullWhen(false)] out string? error)
    {
        pattern = default;
        error = ErrorOf(text);
        if (error is not null) return false;
        pattern = new(text!);
        return true;
    }

    /// <summary>Parses a regular expression of which the path has to match a beginning, whether it says so by <c>^</c> or not; one that ends with <c>$</c> has to match all of it.</summary>
    /// <param name="text">The expression.</param>
    /// <param name="pattern">The pattern.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryParseExpression(string text, out PathPattern pattern, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        pattern = default;
        if (text.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            error = $"'{text}': other characters than those of printable ASCII are percent-encoded (%C3%A9)";
            return false;
        }

        if (PlainExpression.TryParse(text, out PlainExpression plain) && TryParsePlain(plain, out pattern))
        {
            // Routes take it as a whole expression, in which many characters are two.
            error = RouteExpression.TryParse(pattern.ToWholeExpression(), out _, out string? tooLong) ? null : $"'{text}' {tooLong}";
            return error is null;
        }

        // At the beginning that says nothing, unless it is repeated.
        string body = text.StartsWith('^') && text.AsSpan(1).IndexOfAny("*+?{") != 0 ? text[1..] : text;
        if (!RouteExpression.TryParseForPolicy(text, out _, out string? reason))
        {
            error = $"'{text}' {reason}";
            return false;
        }

        if (!RouteExpression.TryParse(RouteExpression.Beginning(body), out RouteExpression? expression, out reason))
        {
            error = $"'{text}' {reason}";
            return false;
        }

        (pattern, error) = (new('^' + body, expression), null);
        return true;
    }

    // What a path has to match otherwise stays an expression: text that stands anywhere, and what no path could match.
    private static bool TryParsePlain(in PlainExpression plain, out PathPattern pattern)
    {
        bool isOpen = plain.AnyAfter || !plain.IsToEnd;
        pattern = default;
        if (plain.Literal.AsSpan().IndexOfAny('*', '{', '}') >= 0) return false;
        string? text = (plain.AnyBefore, isOpen) switch
        {
            (_, true) when plain.Literal.Length == 0 => "*",
            (true, true) => null,
            (true, false) => $"*{plain.Literal}",
            (false, true) => $"{plain.Literal}*",
            (false, false) => plain.Literal,
        };
        return text is not null && TryParse(text, out pattern, out _);
    }

    /// <summary>Parses what <see cref="Text"/> is of any pattern.</summary>
    /// <exception cref="FormatException">The text is not a pattern; the message says why.</exception>
    public static PathPattern ParseAny(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.StartsWith('^')) return Parse(text);
        return TryParseExpression(text, out PathPattern pattern, out string? error) ? pattern : throw new FormatException(error);
    }

    /// <summary>Whether a path matches, normalised and without its query. Allocates nothing.</summary>
    public bool Matches(ReadOnlySpan<byte> path) => Text is not null && (_expression is not null ? path.Length <= RouteExpression.MaxPolicyText && _expression.IsMatch(path) : IsTemplate ? MatchesTemplate(Text, path) : Wildcard.Matches(Text, path, ignoresCase: false));

    /// <summary>A regular expression that matches the whole of the paths that this one matches.</summary>
    /// <exception cref="InvalidOperationException">It is a template.</exception>
    public string ToWholeExpression()
    {
        if (_expression is not null) return _expression.Text;
        if (IsTemplate) throw new InvalidOperationException($"'{Text}' is a template");
        string any = @"[\s\S]*";
        return $"{(Text[0] == '*' ? any : "")}{Regex.Escape(Text.Trim('*'))}{(Text.Length > 1 && Text[^1] == '*' ? any : "")}";
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    // Segment by segment; each with the slash in front of it.
    private static bool MatchesTemplate(ReadOnlySpan<char> text, ReadOnlySpan<byte> path)
    {
        while (!text.IsEmpty)
        {
            ReadOnlySpan<char> wanted = FirstOf(text);
            if (wanted[1..].SequenceEqual(AnySegments)) return true;
            if (path.IsEmpty || path[0] != '/') return false;
            int end = path[1..].IndexOf((byte)'/');
            ReadOnlySpan<byte> segment = end < 0 ? path[1..] : path.Slice(1, end);
            if (wanted[1..].SequenceEqual(AnySegment) ? segment.IsEmpty : !Ascii.Equals(segment, wanted[1..])) return false;
            text = text[wanted.Length..];
            path = path[(segment.Length + 1)..];
        }

        return path.IsEmpty;
    }

    private static ReadOnlySpan<char> FirstOf(ReadOnlySpan<char> text)
    {
        int end = text[1..].IndexOf('/');
        return end < 0 ? text : text[..(end + 1)];
    }

    private static string? ErrorOf(string? text)
    {
        if (string.IsNullOrEmpty(text)) return "a path must not be empty";
        if (text.Length > MaxLength) return $"a path is at most {MaxLength} characters long";
        if (text.AsSpan().ContainsAnyExceptInRange('!', '~')) return $"'{text}': other characters than those of printable ASCII are percent-encoded (%C3%A9)";
        if (text.AsSpan().ContainsAny(CodedCharacters)) return $"'{text}': regular expressions are not taken, and characters such as [ and | are percent-encoded (%5B)";
        if (text.AsSpan().IndexOfAny('?', '#') >= 0) return $"'{text}': queries and fragments are no part of a path, and regular expressions are not taken";
        if (text.AsSpan().IndexOfAny('{', '}') >= 0) return TemplateErrorOf(text);
        if (text.Length > 1 && (text[1..^1].Contains('*', StringComparison.Ordinal) || (text[0] == '*' && text[^1] == '*'))) return $"'{text}': '*' may stand once, at the beginning or at the end; in the place of a segment write {AnySegment}";
        if (text[0] is not ('/' or '*')) return $"'{text}' does not begin with '/'";
        return FormErrorOf(text, text.Trim('*'), hasBeginning: text[0] != '*', hasEnd: text[^1] != '*');
    }

    private static string? TemplateErrorOf(string text)
    {
        if (text[0] != '/') return $"'{text}' does not begin with '/'";
        string[] segments = text[1..].Split('/');
        for (int i = 0; i < segments.Length; i++)
        {
            bool isAnything = segments[i] == AnySegment || (segments[i] == AnySegments && i == segments.Length - 1);
            if (!isAnything && segments[i].AsSpan().IndexOfAny('{', '}', '*') >= 0) return $"'{text}': '{segments[i]}' is not a segment; {AnySegment} stands for a whole one, and {AnySegments} at the end for any number";
        }

        return FormErrorOf(text, text.Replace("{*}", "x", StringComparison.Ordinal).Replace("{**}", "x", StringComparison.Ordinal), hasBeginning: true, hasEnd: true);
    }

    // What is compared is normalised, and has to match in each reading.
    private static string? FormErrorOf(string text, string fixedPart, bool hasBeginning, bool hasEnd)
    {
        byte[] whole = Encoding.ASCII.GetBytes($"{(hasBeginning ? "" : "/x")}{fixedPart}{(hasEnd ? "" : "x")}"), room = new byte[whole.Length * HttpPath.Growth];
        bool isNormal = HttpPath.TryNormalize(whole, room, out int length) && room.AsSpan(0, length).SequenceEqual(whole);
        for (int reading = 0; isNormal && reading < HttpPath.MostReadings; reading++) isNormal = room.AsSpan(0, HttpPath.Read(whole, reading, room)).SequenceEqual(whole);
        return isNormal ? null : $"'{text}' matches no path: paths are compared when they are normalised, without '.', '..', '//', '\\', ';' and percent-encoding of '/' or of characters that need none, its digits in capitals";
    }
}
