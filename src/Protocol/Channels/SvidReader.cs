using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;

namespace Culvert.Protocol;

/// <summary>Reads the identity in an X.509-SVID.</summary>
public static class SvidReader
{
    private const string SubjectAlternativeName = "2.5.29.17";
    private static readonly Asn1Tag Version = new(TagClass.ContextSpecific, 0);
    private static readonly Asn1Tag Uri = new(TagClass.ContextSpecific, 6);

    /// <summary>The SPIFFE ID of a certificate; false unless it has exactly one URI name and that is a valid SPIFFE ID (X.509-SVID, section 2).</summary>
    public static bool TryRead(X509Certificate2 certificate, [NotNullWhen(true)] out SpiffeId? id)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        id = null;
        return ReadUris(certificate) is [var uri] && SpiffeId.TryParse(uri, out id);
    }

    /// <summary>The serial number of a certificate in DER, which is read up to there (RFC 5280, 4.1).</summary>
    /// <exception cref="CryptographicException">It is no certificate.</exception>
    public static CertificateSerial SerialOf(ReadOnlyMemory<byte> der)
    {
        try
        {
            AsnReader fields = new AsnReader(der, AsnEncodingRules.BER).ReadSequence().ReadSequence(); // OpenSSL takes BER, too
            if (fields.PeekTag().HasSameClassAndValue(Version)) fields.ReadEncodedValue();
            return CertificateSerial.Of(fields.ReadIntegerBytes().Span);
        }
        catch (AsnContentException e)
        {
            throw new CryptographicException("It is no certificate.", e);
        }
    }

    /// <summary>What a certificate says of itself.</summary>
    /// <exception cref="CryptographicException">An extension can't be read.</exception>
    public static SvidClaims ReadClaims(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        X509KeyUsageFlags usages = X509KeyUsageFlags.None;
        foreach (X509KeyUsageExtension usage in certificate.Extensions.OfType<X509KeyUsageExtension>()) usages |= usage.KeyUsages;
        return new SvidClaims
        {
            Uris = ReadUris(certificate),
            IsAuthority = certificate.Extensions.OfType<X509BasicConstraintsExtension>().Any(c => c.CertificateAuthority),
            SignsCertificates = (usages & (X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign)) != X509KeyUsageFlags.None,
            IsForSignatures = usages.HasFlag(X509KeyUsageFlags.DigitalSignature),
            LacksPurpose = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(LacksPurpose),
        };
    }

    private static bool LacksPurpose(X509EnhancedKeyUsageExtension extension)
    {
        string?[] purposes = [.. extension.EnhancedKeyUsages.Cast<Oid>().Select(p => p.Value)];
        return !purposes.Contains(KeyPurposes.ServerAuthentication) || !purposes.Contains(KeyPurposes.ClientAuthentication);
    }

    // None where they can't be read: then they name nobody.
    private static List<string> ReadUris(X509Certificate2 certificate)
    {
        X509Extension? extension = certificate.Extensions.FirstOrDefault(e => e.Oid?.Value == SubjectAlternativeName);
        if (extension is null) return [];
        try
        {
            List<string> uris = [];
            AsnReader names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                if (names.PeekTag().HasSameClassAndValue(Uri)) uris.Add(names.ReadCharacterString(UniversalTagNumber.IA5String, Uri));
                else names.ReadEncodedValue();
            }
            return uris;
        }
        catch (AsnContentException)
        {
            return [];
        }
    }
}
