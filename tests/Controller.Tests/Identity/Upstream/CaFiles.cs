using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Tests.Identity.Upstream;

/// <summary>An authority as an organisation hands it out: a certificate and its key.</summary>
internal sealed class CaFiles : IDisposable
{
    private readonly AsymmetricAlgorithm _key;

    private CaFiles(X509Certificate2 certificate, AsymmetricAlgorithm key) => (Certificate, _key) = (certificate, key);

    public X509Certificate2 Certificate { get; }

    public string CertificatePem => Certificate.ExportCertificatePem() + "\n";

    public string KeyPem => _key.ExportPkcs8PrivateKeyPem() + "\n";

    public AsymmetricAlgorithm Key => _key;

    /// <summary>Makes one.</summary>
    /// <param name="issuer">Who certifies it; null: itself.</param>
    /// <param name="key">Its key; null: of P-256.</param>
    /// <param name="shape">What is to be other than usual.</param>
    public static CaFiles Make(CaFiles? issuer = null, AsymmetricAlgorithm? key = null, CaShape? shape = null)
    {
        shape ??= new();
        key ??= ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string name = $"CN=Organisation {Guid.NewGuid():N}";
        CertificateRequest request = key is RSA rsa ? new(name, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) : new(name, (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(shape.IsAuthority, shape.PathLength is not null, shape.PathLength ?? 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(shape.Usage, critical: true));
        if (shape.HasKeyIdentifier) request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        if (issuer is not null) request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer.Certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        foreach (X509Extension extension in shape.Others) request.CertificateExtensions.Add(extension);
        X509SignatureGenerator signer = (issuer?._key ?? key) is RSA by ? X509SignatureGenerator.CreateForRSA(by, RSASignaturePadding.Pkcs1) : X509SignatureGenerator.CreateForECDsa((ECDsa)(issuer?._key ?? key));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        X509Certificate2 certificate = request.Create(issuer?.Certificate.SubjectName ?? request.SubjectName, signer, now - TimeSpan.FromDays(2), now + shape.Left, RandomNumberGenerator.GetBytes(8));
        return new(certificate, key);
    }

    public void Dispose()
    {
        Certificate.Dispose();
        _key.Dispose();
    }
}

/// <summary>What an authority's certificate says.</summary>
internal sealed record CaShape
{
    public bool IsAuthority { get; init; } = true;

    public int? PathLength { get; init; }

    public X509KeyUsageFlags Usage { get; init; } = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;

    public bool HasKeyIdentifier { get; init; } = true;

    public TimeSpan Left { get; init; } = TimeSpan.FromDays(365);

    public X509Extension[] Others { get; init; } = [];

    /// <summary>Names of URIs below one host only (RFC 5280, 4.2.1.10).</summary>
    public static X509Extension UrisOnlyOf(string domain)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
        using (writer.PushSequence())
            writer.WriteCharacterString(UniversalTagNumber.IA5String, domain, new Asn1Tag(TagClass.ContextSpecific, 6));
        return new X509Extension("2.5.29.30", writer.Encode(), critical: true);
    }
}
