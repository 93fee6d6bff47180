using System.Security.Cryptography;

namespace Culvert.Interop.Tls;

/// <summary>Names one certificate of a trust bundle by the SHA-256 digest of its DER.</summary>
/// <param name="Digest">The digest in hexadecimal; empty for none.</param>
public readonly record struct TlsAnchor(string Digest)
{
    /// <summary>The anchor that a certificate is.</summary>
    /// <param name="der">The certificate.</param>
    public static TlsAnchor Of(ReadOnlySpan<byte> der) => new(Convert.ToHexStringLower(SHA256.HashData(der)));
}
