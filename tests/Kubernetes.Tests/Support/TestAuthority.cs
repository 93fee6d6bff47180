using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Kubernetes.Tests.Support;

/// <summary>A certificate authority of the tests.</summary>
internal sealed class TestAuthority
{
    private readonly X509Certificate2 _certificate;

    internal TestAuthority(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(30));
    }

    internal string Pem => _certificate.ExportCertificatePem();

    /// <summary>For a server at 127.0.0.1.</summary>
    internal (string Certificate, string Key) Server(params string[] names)
    {
        var alternatives = new SubjectAlternativeNameBuilder();
        if (names.Length == 0) alternatives.AddIpAddress(IPAddress.Loopback);
        foreach (string name in names) alternatives.AddDnsName(name);
        return Issue("CN=kube-apiserver", "1.3.6.1.5.5.7.3.1", DateTimeOffset.UtcNow.AddDays(7), alternatives.Build());
    }

    /// <summary>For a user of the API.</summary>
    internal (string Certificate, string Key) User(string name, string group, DateTimeOffset notAfter) => Issue($"O={group}, CN={name}", "1.3.6.1.5.5.7.3.2", notAfter, null);

    private (string Certificate, string Key) Issue(string subject, string use, DateTimeOffset notAfter, X509Extension? alternatives)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        if (alternatives is not null) request.CertificateExtensions.Add(alternatives);
        using X509Certificate2 certificate = request.Create(_certificate, DateTimeOffset.UtcNow.AddDays(-1), notAfter, RandomNumberGenerator.GetBytes(12));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }
}
