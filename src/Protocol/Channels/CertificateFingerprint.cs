using System.Security.Cryptography;

namespace Culvert.Protocol;

/// <summary>What people and metrics know a certificate by.</summary>
public static class CertificateFingerprint
{
    /// <summary>How many digits are enough to tell a few roots from each other.</summary>
    public const int ShortLength = 16;

    /// <summary>SHA-256 over the DER form, in lower-case hex digits.</summary>
    public static string Of(ReadOnlySpan<byte> certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate));

    /// <summary>The first <see cref="ShortLength"/> digits of it.</summary>
    public static string ShortOf(ReadOnlySpan<byte> certificate) => Of(certificate)[..ShortLength];
}
