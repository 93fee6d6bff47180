using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>The serial number of a certificate (RFC 5280, section 4.1.2.2). Compared by value, however it was written.</summary>
public readonly record struct CertificateSerial
{
    /// <summary>Most octets that a serial number may have.</summary>
    public const int MaxOctets = 20;

    private const int MostCharacters = MaxOctets * 3;

    private readonly string? _digits;

    private CertificateSerial(string digits) => _digits = digits;

    /// <summary>The number's octets, the highest first, as a certificate has them.</summary>
    /// <param name="octets">Any number of them; what is longer than a certificate's may be compared all the same.</param>
    public static CertificateSerial Of(ReadOnlySpan<byte> octets) => new(Normal(Convert.ToHexString(octets)));

    /// <summary>Reads hexadecimal digits as <c>openssl x509 -serial</c> and <c>-text</c> write them: large or small, also with a colon between octets.</summary>
    /// <param name="text">The digits: 1 to 40, and not all of them 0.</param>
    /// <param name="serial">The number.</param>
    /// <param name="error">Why the text is none, naming it.</param>
    public static bool TryParse(string? text, out CertificateSerial serial, [NotNullWhen(false)] out string? error)
    {
        serial = default;
        error = text is not { Length: > 0 and <= MostCharacters } ? $"a serial number has 1 to {MaxOctets * 2} hexadecimal digits" : null;
        if (error is not null) return false;
        string digits = IsInOctets(text!) ? text!.Replace(":", "", StringComparison.Ordinal) : text!;
        if (digits.Length > MaxOctets * 2 || !digits.All(char.IsAsciiHexDigit)) error = $"'{text}' is no serial number: write 1 to {MaxOctets * 2} hexadecimal digits, as `openssl x509 -serial` does";
        else if (digits.All(c => c == '0')) error = $"'{text}' is no serial number: no certificate has 0";
        if (error is not null) return false;
        serial = new(Normal(digits.ToUpperInvariant()));
        return true;
    }

    /// <summary>Capital digits without leading zeros.</summary>
    public override string ToString() => _digits ?? "0";

    private static string Normal(string digits) => digits.TrimStart('0') is { Length: > 0 } significant ? significant : "0";

    private static bool IsInOctets(string text)
    {
        if (text.Length % 3 != 2) return false;
        for (int i = 2; i < text.Length; i += 3)
        {
            if (text[i] != ':') return false;
        }

        return text.Length > 2;
    }
}
