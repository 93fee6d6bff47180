using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Bench.Sides;

/// <summary>Certificates for the nginx pair: one P-256 authority, one P-256 leaf per sidecar, as a mesh would issue.</summary>
internal static class SidecarPki
{
    /// <summary>Writes root.pem and NAME.pem, NAME.key for each name, valid for a day.</summary>
    public static void Write(string directory, params ReadOnlySpan<string> names)
    {
        DateTimeOffset from = TimeProvider.System.GetUtcNow().AddMinutes(-5);
        DateTimeOffset until = from.AddDays(1);
        using ECDsa rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest rootRequest = new("CN=bench root", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        rootRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        using X509Certificate2 root = rootRequest.CreateSelfSigned(from, until);
        File.WriteAllText(Path.Combine(directory, "root.pem"), root.ExportCertificatePem());
        foreach (string name in names)
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
            SubjectAlternativeNameBuilder san = new();
            san.AddDnsName(name);
            request.CertificateExtensions.Add(san.Build());
            using X509Certificate2 leaf = request.Create(root, from, until, RandomNumberGenerator.GetBytes(16));
            File.WriteAllText(Path.Combine(directory, $"{name}.pem"), leaf.ExportCertificatePem());
            File.WriteAllText(Path.Combine(directory, $"{name}.key"), key.ExportPkcs8PrivateKeyPem());
        }
    }
}
