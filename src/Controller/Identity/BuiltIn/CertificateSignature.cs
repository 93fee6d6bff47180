using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>Checks one signature of a certificate (RFC 5280, section 4.1), without dates, names or anchors. Pure.</summary>
internal static class CertificateSignature
{
    /// <summary>Whether the ECDSA key of <paramref name="issuer"/> has signed a certificate with SHA-256, as all of this authority's are.</summary>
    public static bool IsBy(X509Certificate2 certificate, X509Certificate2 issuer)
    {
        using ECDsa? key = issuer.GetECDsaPublicKey();
        if (key is null) return false;
        try
        {
            AsnReader parts = new AsnReader(certificate.RawDataMemory, AsnEncodingRules.DER).ReadSequence();
            ReadOnlyMemory<byte> signed = parts.ReadEncodedValue();
            parts.ReadEncodedValue();
            return key.VerifyData(signed.Span, parts.ReadBitString(out _), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
        }
        catch (AsnContentException)
        {
            return false;
        }
    }
}
