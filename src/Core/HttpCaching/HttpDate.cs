using System.Globalization;
using System.Text;

namespace Culvert.Core;

/// <summary>Dates as HTTP writes them (RFC 9110, section 5.6.7).</summary>
public static class HttpDate
{
    private const int Longest = 40;

    private static readonly string[] Forms = ["ddd, dd MMM yyyy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy", "ddd MMM  d HH:mm:ss yyyy"];

    /// <summary>Reads a date in the form of today, or that of C's <c>asctime</c>. One of RFC 850, whose years have two digits, nobody has sent for decades: it is none.</summary>
    /// <param name="text">The text.</param>
    /// <param name="seconds">The date in seconds of Unix time.</param>
    /// <returns>Whether it is one.</returns>
    public static bool TryRead(ReadOnlySpan<byte> text, out long seconds)
    {
        seconds = 0;
        if (text.Length > Longest) return false;
        Span<char> room = stackalloc char[Longest];
        int length = Encoding.Latin1.GetChars(text, room);
        if (!DateTimeOffset.TryParseExact(room[..length], Forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset date)) return false;
        seconds = date.ToUnixTimeSeconds();
        return true;
    }
}
