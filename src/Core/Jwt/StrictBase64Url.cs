using System.Buffers;
using System.Buffers.Text;

namespace Culvert.Core;

/// <summary>Base64url as RFC 7515 has it (section 2): without padding, blanks or line ends, and with one spelling only for the same bytes. Pure.</summary>
internal static class StrictBase64Url
{
    private static readonly SearchValues<byte> Characters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"u8);

    /// <summary>Decodes a text.</summary>
    /// <param name="text">The text; empty for no bytes.</param>
    /// <param name="bytes">What it stands for.</param>
    /// <returns>False when it is not such a text.</returns>
    internal static bool TryDecode(ReadOnlySpan<byte> text, out byte[] bytes)
    {
        bytes = [];
        if (text.ContainsAnyExcept(Characters) || text.Length % 4 == 1) return false;
        int unused = (text.Length % 4) switch { 2 => 0xF, 3 => 0x3, _ => 0 };
        if (unused != 0 && (ValueOf(text[^1]) & unused) != 0) return false;
        bytes = Base64Url.DecodeFromUtf8(text);
        return true;
    }

    private static int ValueOf(byte character) => character switch
    {
        >= (byte)'A' and <= (byte)'Z' => character - 'A',
        >= (byte)'a' and <= (byte)'z' => character - 'a' + 26,
        >= (byte)'0' and <= (byte)'9' => character - '0' + 52,
        (byte)'-' => 62,
        _ => 63,
    };
}
