using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Core;

namespace Culvert.Controller.Tests.Identity.Revocation;

/// <summary>Revocation lists as .NET makes them.</summary>
internal static class Crls
{
    /// <summary>A list of an authority, in DER.</summary>
    public static byte[] Make(CaFiles issuer, IEnumerable<string> serials, HashAlgorithmName? hash = null, DateTimeOffset? next = null)
    {
        CertificateRevocationListBuilder builder = new();
        foreach (string serial in serials) builder.AddEntry(Convert.FromHexString(serial), DateTimeOffset.UtcNow, X509RevocationReason.KeyCompromise);
        using X509Certificate2 signing = issuer.Key is RSA rsa ? issuer.Certificate.CopyWithPrivateKey(rsa) : issuer.Certificate.CopyWithPrivateKey((ECDsa)issuer.Key);
        return builder.Build(signing, 1, next ?? DateTimeOffset.UtcNow.AddDays(7), hash ?? HashAlgorithmName.SHA256, issuer.Key is RSA ? RSASignaturePadding.Pkcs1 : null);
    }

    public static string Pem(byte[] list) => PemEncoding.WriteString("X509 CRL", list) + "\n";

    public static CertificateSerial Serial(string text) => CertificateSerial.TryParse(text, out CertificateSerial serial, out string? error) ? serial : throw new FormatException(error);
}
