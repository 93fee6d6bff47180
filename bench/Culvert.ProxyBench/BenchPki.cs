using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Interop.Tls;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.ProxyBench;

/// <summary>Certificates of the bench, shared between its processes by files.</summary>
internal static class BenchPki
{
    internal static int Write(string directory)
    {
        Directory.CreateDirectory(directory);
        using ECDsa rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest root = new("CN=bench root", rootKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 authority = root.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllBytes(Path.Combine(directory, "root.der"), authority.RawData);
        foreach (string name in (string[])["source", "destination"])
        {
            using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            CertificateRequest leaf = new("CN=leaf", key, HashAlgorithmName.SHA256);
            SubjectAlternativeNameBuilder names = new();
            names.AddUri(new Uri(Id(name).ToString()));
            leaf.CertificateExtensions.Add(names.Build());
            byte[] serial = RandomNumberGenerator.GetBytes(8);
            serial[0] &= 0x7F;
            using X509Certificate2 certificate = leaf.Create(authority, DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddHours(20), serial);
            File.WriteAllBytes(Path.Combine(directory, $"{name}.der"), certificate.RawData);
            File.WriteAllBytes(Path.Combine(directory, $"{name}.key"), key.ExportPkcs8PrivateKey());
        }

        return 0;
    }

    internal static SpiffeId Id(string name) => SpiffeId.ForServiceAccount("cluster.local", "bench", name);

    internal static TlsIdentity Load(string directory, string name)
    {
        TlsContextOptions options = new()
        {
            IsServer = false,
            Certificate = File.ReadAllBytes(Path.Combine(directory, $"{name}.der")),
            PrivateKey = File.ReadAllBytes(Path.Combine(directory, $"{name}.key")),
            TrustBundle = [File.ReadAllBytes(Path.Combine(directory, "root.der"))],
        };
        return new TlsIdentity(Id(name), TlsContext.Create(options), TlsContext.Create(options with { IsServer = true }));
    }
}
