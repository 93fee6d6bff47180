using System.Text;

namespace Culvert.Core;

/// <summary>Compares values in ASCII with texts that may have <c>*</c> at the beginning or at the end. Allocates nothing.</summary>
internal static class Wildcard
{
    /// <summary>Whether a value matches; a character beyond ASCII matches no other than <c>*</c>.</summary>
    /// <param name="pattern">The text; an empty one matches nothing.</param>
    /// <param name="value">The value.</param>
    /// <param name="ignoresCase">Whether small letters and capitals are the same.</param>
    internal static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<byte> value, bool ignoresCase)
    {
        if (pattern.IsEmpty) return false;
        int room = value.Length - pattern.Length + 1;
        if (pattern[0] == '*') return room >= 0 && AreEqual(value[room..], pattern[1..], ignoresCase);
        if (pattern[^1] == '*') return room >= 0 && AreEqual(value[..(pattern.Length - 1)], pattern[..^1], ignoresCase);
        return AreEqual(value, pattern, ignoresCase);
    }

    private static bool AreEqual(ReadOnlySpan<byte> value, ReadOnlySpan<char> text, bool ignoresCase) => ignoresCase ? Ascii.EqualsIgnoreCase(value, text) : Ascii.Equals(value, text);
}
