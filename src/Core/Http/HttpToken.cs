using System.Buffers;

namespace Culvert.Core;

/// <summary>Tokens of HTTP (RFC 9110, section 5.6.2), by which methods, header fields and cookies are named. Pure.</summary>
public static class HttpToken
{
    private static readonly SearchValues<char> Characters = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Whether a text is one.</summary>
    public static bool Is(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExcept(Characters);
}
