using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Tests.Shared.Spire;

/// <summary>A root with what a SPIRE server without an upstream authority puts into it, and the certificates that it signs.</summary>
internal sealed class SpireAuthority : IDisposable
{
    private static readonly X500DistinguishedName Subject = new("C=US, O=SPIFFE, OID.2.5.4.5=1234567890");
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public SpireAuthority(string trustDomain, TimeSpan? lifetime = null)
    {
        CertificateRequest request = new(Subject, _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(Names($"spiffe://{trustDomain}", []));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        Certificate = request.CreateSelfSigned(now.AddSeconds(-10), now + (lifetime ?? TimeSpan.FromHours(24)));
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>A leaf as of MintX509SVID.</summary>
    public X509Certificate2 Sign(PublicKey key, string uri, IReadOnlyList<string> dnsNames, TimeSpan lifetime)
    {
        CertificateRequest request = new(new X500DistinguishedName(dnsNames.Count > 0 ? $"C=US, O=SPIRE, CN={dnsNames[0]}" : "C=US, O=SPIRE"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment | X509KeyUsageFlags.KeyAgreement, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        request.CertificateExtensions.Add(Names(uri, dnsNames));
        DateTimeOffset now = DateTimeOffset.UtcNow, end = now + lifetime, last = new(Certificate.NotAfter.ToUniversalTime());
        byte[] serial = RandomNumberGenerator.GetBytes(16);
        return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), now.AddSeconds(-10), end < last ? end : last, serial);
    }

    /// <summary>An authority as of NewDownstreamX509CA: without a limit to the path, and all of them with one subject.</summary>
    public X509Certificate2 Certify(PublicKey key, string trustDomain, TimeSpan? lifetime)
    {
        CertificateRequest request = new(new X500DistinguishedName("C=US, O=SPIFFE, OU=DOWNSTREAM-1, OID.2.5.4.5=1234567890"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(Certificate, true, false));
        request.CertificateExtensions.Add(Names($"spiffe://{trustDomain}", []));
        DateTimeOffset now = DateTimeOffset.UtcNow, last = new(Certificate.NotAfter.ToUniversalTime()), end = lifetime is { } asked && now + asked < last ? now + asked : last;
        return request.Create(Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), now.AddSeconds(-10), end, RandomNumberGenerator.GetBytes(16));
    }

    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }

    // DNS names first, then the URI; not critical.
    private static X509Extension Names(string uri, IReadOnlyList<string> dnsNames)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (string name in dnsNames) writer.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, 2));
            writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, 6));
        }
        return new X509Extension("2.5.29.17", writer.Encode(), critical: false);
    }
}
