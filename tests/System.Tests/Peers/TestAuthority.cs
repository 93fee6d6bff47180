using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Labs.Mesh;

namespace Culvert.SystemTests.Peers;

/// <summary>A certificate authority of the tests' own, or the mesh's, when its certificate and key are given.</summary>
internal sealed class TestAuthority(X509Certificate2 certificate, string chainPem)
{
    /// <summary>An authority nobody knows.</summary>
    public static TestAuthority CreateUnknown()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=somebody else", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = TimeProvider.System.GetUtcNow();
        return new TestAuthority(request.CreateSelfSigned(now.AddDays(-30), now.AddDays(30)), "");
    }

    /// <summary>The authority of a mesh: leaves signed by its root are as good as those of its intermediates.</summary>
    public static TestAuthority Of(MeshLab mesh)
    {
        var key = Directory.GetFiles(Path.Combine(mesh.ControllerState, "ca"), "root-*.key.pem").Single();
        return Load(key.Replace(".key.pem", ".pem", StringComparison.Ordinal), key);
    }

    /// <summary>The authority that signs with the given certificate.</summary>
    /// <param name="certificatePem">File whose first certificate signs; the others are sent along.</param>
    /// <param name="keyPem">Its key.</param>
    public static TestAuthority Load(string certificatePem, string keyPem) =>
        new(X509Certificate2.CreateFromPemFile(certificatePem, keyPem), File.ReadAllText(certificatePem));

    /// <summary>Issues a certificate and writes it with its key.</summary>
    /// <returns>Path of a PEM file with certificate, chain and key.</returns>
    public string Issue(string folder, string identity, TimeSpan notBefore, TimeSpan notAfter)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(identity));
        request.CertificateExtensions.Add(names.Build(critical: true));
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(certificate, true, false));
        var now = TimeProvider.System.GetUtcNow();
        using var leaf = request.Create(
            certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(certificate.GetECDsaPrivateKey()!), now + notBefore, now + notAfter, RandomNumberGenerator.GetBytes(16));
        var path = Path.Combine(folder, Guid.NewGuid().ToString("N") + ".pem");
        File.WriteAllText(path, leaf.ExportCertificatePem() + "\n" + chainPem + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n");
        return path;
    }
}
