using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Bench.Identity;

/// <summary>An authority for the peers: a P-256 key and a certificate, as the controller's that signs leaves.</summary>
internal sealed class SomeAuthority : IDisposable
{
    private SomeAuthority(ECDsa key, X509Certificate2 certificate) => (Key, Certificate) = (key, certificate);

    /// <summary>Its key.</summary>
    public ECDsa Key { get; }

    /// <summary>Its certificate, without the key.</summary>
    public X509Certificate2 Certificate { get; }

    /// <summary>Makes one that is valid for a month.</summary>
    public static SomeAuthority Create()
    {
        ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=bench authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        DateTimeOffset from = TimeProvider.System.GetUtcNow().AddMinutes(-5);
        using X509Certificate2 own = request.CreateSelfSigned(from, from.AddDays(30));
        return new(key, X509CertificateLoader.LoadCertificate(own.RawData));
    }

    public void Dispose()
    {
        Certificate.Dispose();
        Key.Dispose();
    }
}
