using System.Security.Cryptography;

namespace Culvert.Protocol;

/// <summary>What a certificate is known by: to people, in metrics, and to tell one from another.</summary>
public static class CertificateFingerprint
{
    /// <summary>How many digits are enough to tell a few roots from each other.</summary>
    public const int ShortLength = 16;

    /// <summary>SHA-256 over the DER form, in lower-case hex digits.</summary>
    public static string Of(ReadOnlySpan<byte> certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate));

    /// <inheritdoc cref="Of(ReadOnlySpan{byte})"/>
    public static string Of(ReadOnlyMemory<byte> certificate) => Of(certificate.Span);

    /// <summary>Whether two have the same certificates, in whatever order, and however often.</summary>
    public static bool AreSame(IEnumerable<ReadOnlyMemory<byte>> one, IEnumerable<ReadOnlyMemory<byte>> other) => one.Select(Of).ToHashSet(StringComparer.Ordinal).SetEquals(other.Select(Of));

    /// <summary>The first <see cref="ShortLength"/> digits of it.</summary>
    public static string ShortOf(ReadOnlySpan<byte> certificate) => Of(certificate)[..ShortLength];
}
