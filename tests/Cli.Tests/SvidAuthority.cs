using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Cli.Tests;

/// <summary>An authority in memory that signs certificates of identities, with serial numbers and dates as a test says.</summary>
internal sealed class SvidAuthority : IDisposable
{
    public static readonly DateTimeOffset Start = new(2020, 1, 2, 3, 4, 5, TimeSpan.Zero);
    public static readonly DateTimeOffset End = new(2095, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
    private readonly X509Certificate2 _root;

    public SvidAuthority()
    {
        CertificateRequest request = new("CN=mesh root", _key, HashAlgorithmName.SHA384);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.Create(request.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), Start, End, [0x77]);
    }

    public byte[] Root => _root.RawData;

    /// <summary>A certificate in DER.</summary>
    public byte[] Issue(string identity, byte serial, DateTimeOffset? end = null, X509KeyUsageFlags usage = X509KeyUsageFlags.DigitalSignature)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri(identity));
        request.CertificateExtensions.Add(names.Build(critical: true));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        using var certificate = request.Create(_root.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), Start, end ?? End.AddYears(-1), [0x5a, serial]);
        return certificate.RawData;
    }

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
    }
}
