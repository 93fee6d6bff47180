using System.Buffers;

namespace Culvert.Core;

/// <summary>How large the machine of a regular expression is at most: what is repeated by number counts as often as it is.</summary>
internal static class ExpressionSize
{
    private static readonly SearchValues<char> Options = SearchValues.Create("?imnsx-");

    /// <summary>An upper bound, in characters.</summary>
    /// <param name="text">An expression that is one (<see cref="RouteExpression.TryParse"/>).</param>
    /// <returns><see cref="long.MaxValue"/> where comments or the option that brings them keep it from being told.</returns>
    internal static long Of(string text)
    {
        if (text.Contains(@"\c", StringComparison.Ordinal)) return long.MaxValue; // a control character, whose own could be a bracket or a backslash
        Stack<long> outer = new();
        long size = 0, last = 0;
        for (int i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '(':
                    if (HasComments(text.AsSpan(i + 1))) return long.MaxValue;
                    outer.Push(size + 1);
                    size = 0;
                    break;
                case ')':
                    if (!outer.TryPop(out long before)) return long.MaxValue;
                    (size, last) = (before + size, size);
                    break;
                case '{' when Repetition(text.AsSpan(i)) is { } times:
                    long more = Math.Max(0, times - 1) * last;
                    size += more;
                    last += more;
                    break;
                case '[':
                    i = EndOfClass(text, i);
                    (size, last) = (size + 1, 1);
                    break;
                default:
                    if (text[i] == '\\') i++;
                    (size, last) = (size + 1, 1);
                    break;
            }
            if (size > int.MaxValue) return long.MaxValue;
        }

        return outer.Count == 0 ? Math.Max(size, text.Length) : long.MaxValue;
    }

    // (?#…), or options with x, which has comments run from # to the end of the line.
    private static bool HasComments(ReadOnlySpan<char> rest)
    {
        if (!rest.StartsWith("?")) return false;
        int end = rest.IndexOfAnyExcept(Options);
        return end < 0 || rest[end] == '#' || rest[..end].Contains('x');
    }

    // {n}, {n,} or {n,m}; null: what begins here is none, and means itself.
    private static long? Repetition(ReadOnlySpan<char> rest)
    {
        int end = rest.IndexOf('}');
        if (end < 2) return null;
        ReadOnlySpan<char> inner = rest[1..end];
        int comma = inner.IndexOf(',');
        if (!int.TryParse(comma < 0 ? inner : inner[..comma], System.Globalization.NumberStyles.None, null, out int least)) return null;
        if (comma < 0) return least;
        if (comma == inner.Length - 1) return (long)least + 1;
        return int.TryParse(inner[(comma + 1)..], System.Globalization.NumberStyles.None, null, out int most) ? most : null;
    }

    // The index of the bracket that closes a class; one that comes first is a character of it.
    private static int EndOfClass(string text, int start)
    {
        int i = start + 1;
        if (i < text.Length && text[i] == '^') i++;
        if (i < text.Length && text[i] == ']') i++;
        for (; i < text.Length && text[i] != ']'; i++)
        {
            if (text[i] == '\\') i++;
        }

        return Math.Min(i, text.Length - 1);
    }
}
