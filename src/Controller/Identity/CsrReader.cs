using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Identity;

/// <summary>Takes the public key out of a certificate signing request, and nothing else.</summary>
internal static class CsrReader
{
    private const string EcPublicKey = "1.2.840.10045.2.1";
    private const string Rsa = "1.2.840.113549.1.1.1";
    private const string P256 = "1.2.840.10045.3.1.7";
    private const string P384 = "1.3.132.0.34";

    /// <summary>The public key of a CSR whose signature is right.</summary>
    /// <exception cref="AuthorityException">The CSR is damaged, its signature is wrong, or its key is of a kind or size that is not allowed.</exception>
    public static PublicKey ReadPublicKey(ReadOnlyMemory<byte> csr)
    {
        if (csr.Length is 0 or > ProtocolLimits.MaxCsrSize) throw new AuthorityException(AuthorityFailure.InvalidRequest, $"The CSR is {csr.Length} bytes long; 1..{ProtocolLimits.MaxCsrSize} is allowed.");
        try
        {
            // The key is looked at before its signature is checked: checking with an absurd key is work for nothing.
            CheckKey(Load(csr, CertificateRequestLoadOptions.SkipSignatureValidation).PublicKey);
            return Load(csr, CertificateRequestLoadOptions.Default).PublicKey;
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException or NotSupportedException or ArgumentException)
        {
            throw new AuthorityException(AuthorityFailure.InvalidRequest, $"The CSR is not valid: {e.Message}", e);
        }
    }

    private static CertificateRequest Load(ReadOnlyMemory<byte> csr, CertificateRequestLoadOptions options) =>
        CertificateRequest.LoadSigningRequest(csr.Span, HashAlgorithmName.SHA256, out int read, options) is var request && read == csr.Length
            ? request
            : throw new AuthorityException(AuthorityFailure.InvalidRequest, "The CSR is followed by further bytes.");

    /// <summary>The curve's OID; null where the curve is not named, as where its coefficients are written out (RFC 5480, 2.1.1).</summary>
    private static string? CurveOf(PublicKey key)
    {
        ReadOnlySpan<byte> parameters = key.EncodedParameters?.RawData;
        return AsnDecoder.TryReadEncodedValue(parameters, AsnEncodingRules.DER, out Asn1Tag tag, out _, out _, out int length) && tag == Asn1Tag.ObjectIdentifier && length == parameters.Length
            ? AsnDecoder.ReadObjectIdentifier(parameters, AsnEncodingRules.DER, out _)
            : null;
    }

    private static void CheckKey(PublicKey key)
    {
        if (key.Oid.Value == EcPublicKey)
        {
            // Named in the key's parameters: a key object would be made, and the point looked at, once more than the check of the signature does.
            if (CurveOf(key) is P256 or P384) return;
            throw new AuthorityException(AuthorityFailure.InvalidRequest, "The key is on a curve that is not allowed; P-256 and P-384 are.");
        }
        if (key.Oid.Value != Rsa) throw new AuthorityException(AuthorityFailure.InvalidRequest, $"Keys of type {key.Oid.Value} are not allowed; ECDSA and RSA are.");
        using RSA? rsa = key.GetRSAPublicKey();
        if (rsa?.KeySize is not (>= 2048 and <= 4096)) throw new AuthorityException(AuthorityFailure.InvalidRequest, $"The RSA key has {rsa?.KeySize} bits; 2048..4096 is allowed.");
    }
}
