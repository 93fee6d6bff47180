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
        catch (Exception e) when (e is CryptographicException or NotSupportedException or ArgumentException)
        {
            throw new AuthorityException(AuthorityFailure.InvalidRequest, $"The CSR is not valid: {e.Message}", e);
        }
    }

    private static CertificateRequest Load(ReadOnlyMemory<byte> csr, CertificateRequestLoadOptions options) =>
        CertificateRequest.LoadSigningRequest(csr.Span, HashAlgorithmName.SHA256, out int read, options) is var request && read == csr.Length
            ? request
            : throw new AuthorityException(AuthorityFailure.InvalidRequest, "The CSR is followed by further bytes.");

    private static void CheckKey(PublicKey key)
    {
        if (key.Oid.Value == EcPublicKey)
        {
            using ECDsa? ec = key.GetECDsaPublicKey();
            if (ec?.ExportParameters(includePrivateParameters: false).Curve.Oid.Value is P256 or P384) return;
            throw new AuthorityException(AuthorityFailure.InvalidRequest, "The key is on a curve that is not allowed; P-256 and P-384 are.");
        }
        if (key.Oid.Value != Rsa) throw new AuthorityException(AuthorityFailure.InvalidRequest, $"Keys of type {key.Oid.Value} are not allowed; ECDSA and RSA are.");
        using RSA? rsa = key.GetRSAPublicKey();
        if (rsa?.KeySize is not (>= 2048 and <= 4096)) throw new AuthorityException(AuthorityFailure.InvalidRequest, $"The RSA key has {rsa?.KeySize} bits; 2048..4096 is allowed.");
    }
}
