using System.Globalization;

namespace Culvert.Core;

/// <summary>The mark of a packet (SO_MARK, fwmark), or a mask of its bits, as text. Thread-safe.</summary>
public static class PacketMark
{
    /// <summary>Reads one as ip(8), nft(8), iptables(8) and this product's options write it.</summary>
    /// <param name="text">Hexadecimal behind 0x, otherwise decimal; 32 bits, without sign or spaces.</param>
    /// <param name="mark">The number; 0 when the text is none.</param>
    /// <returns>Whether the text is a number of 32 bits.</returns>
    public static bool TryParse(string text, out uint mark)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out mark)
            : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out mark);
    }
}
