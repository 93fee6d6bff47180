using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>An exact text, or a prefix (<c>abc*</c>), a suffix (<c>*abc</c>) or anything (<c>*</c>). Ordinal.</summary>
public readonly record struct StringPattern
{
    private StringPattern(string text) => Text = text;

    /// <summary>The pattern as written, after normalisation.</summary>
    public string Text { get; }

    /// <summary>Parses a pattern.</summary>
    /// <exception cref="FormatException">The text is not a pattern; the message says why.</exception>
    public static StringPattern Parse(string text) =>
        TryParse(text, out StringPattern pattern, out string? error) ? pattern : throw new FormatException(error);

    /// <summary>Parses a pattern; <c>*</c> may stand once, at the beginning or at the end.</summary>
    public static bool TryParse(string? text, out StringPattern pattern, [NotNullWhen(false)] out string? error)
    {
        pattern = default;
        error = null;
        if (string.IsNullOrEmpty(text)) error = "a pattern must not be empty";
        else if (text.Length > SpiffeId.MaxLength) error = $"a pattern is at most {SpiffeId.MaxLength} characters long";
        else if (text.Length > 1 && text.AsSpan(1, text.Length - 2).Contains('*') || text.Length > 1 && text[0] == '*' && text[^1] == '*')
            error = $"'{text}': '*' may stand once, at the beginning or at the end";
        if (error is not null) return false;
        pattern = new(text!);
        return true;
    }

    /// <summary>
    /// Parses a pattern over SPIFFE IDs. <c>TD/ns/a/sa/b</c> without scheme is taken as <c>spiffe://TD/ns/a/sa/b</c>;
    /// an exact pattern must be a valid identity.
    /// </summary>
    public static bool TryParseIdentity(string? text, out StringPattern pattern, [NotNullWhen(false)] out string? error)
    {
        if (!TryParse(text, out pattern, out error)) return false;
        if (text![0] == '*') return true;
        string full = text.Contains("://", StringComparison.Ordinal) ? text : SpiffeId.SchemePrefix + text;
        pattern = new(full);
        if (full[^1] != '*') return SpiffeId.TryParse(full, out _, out error);
        if (full.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal)) return true;
        error = $"'{text}' can match no identity: it does not begin with {SpiffeId.SchemePrefix}";
        return false;
    }

    /// <summary>Whether <paramref name="value"/> matches.</summary>
    public bool Matches(string value)
    {
        ReadOnlySpan<char> text = Text;
        if (text.IsEmpty) return false;
        if (text[0] == '*') return value.AsSpan().EndsWith(text[1..], StringComparison.Ordinal);
        return text[^1] == '*'
            ? value.AsSpan().StartsWith(text[..^1], StringComparison.Ordinal)
            : text.SequenceEqual(value);
    }

    /// <summary>Whether a value in ASCII matches; a character beyond that matches no other than <c>*</c>. Allocates nothing.</summary>
    /// <param name="value">The value.</param>
    /// <param name="ignoresCase">Whether small letters and capitals are the same.</param>
    public bool Matches(ReadOnlySpan<byte> value, bool ignoresCase) => Wildcard.Matches(Text, value, ignoresCase);

    /// <inheritdoc/>
    public override string ToString() => Text;
}
