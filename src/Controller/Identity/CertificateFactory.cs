using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Identity;

/// <summary>Makes certificates as RFC 5280 and the X.509-SVID specification want them. Pure but for serial numbers.</summary>
internal static class CertificateFactory
{
    private const int SerialLength = 16;
    private const int NameDigits = 8;

    // The same in all leaves, so they are encoded once.
    private static readonly ImmutableArray<X509Extension> LeafExtensions =
    [
        new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true),
        new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true),
        new X509EnhancedKeyUsageExtension([new Oid(KeyPurposes.ServerAuthentication), new Oid(KeyPurposes.ClientAuthentication)], critical: false),
    ];

    /// <summary>A self-signed root.</summary>
    public static X509Certificate2 CreateRoot(ECDsa key, string name, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var request = new CertificateRequest(new X500DistinguishedName($"CN={name}"), key, HashAlgorithmName.SHA256);
        // No limit to the path: between a root and a leaf there may be a successor's certificate for each time that the root was replaced.
        AddAuthorityExtensions(request, pathLength: null);
        using X509Certificate2 certificate = request.Create(request.SubjectName, X509SignatureGenerator.CreateForECDsa(key), notBefore, notAfter, NewSerial());
        return certificate.CopyWithPrivateKey(key);
    }

    /// <summary>A root's name and key, certified by the root before it: "new with old" of RFC 4210, section 4.4.1.</summary>
    public static X509Certificate2 CreateCross(X509Certificate2 root, X509Certificate2 issuer, ECDsa issuerKey, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var request = new CertificateRequest(root.SubjectName, root.PublicKey, HashAlgorithmName.SHA256);
        AddAuthorityExtensions(request, pathLength: null);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        return request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), notBefore, notAfter, NewSerial());
    }

    /// <summary>An authority below <paramref name="issuer"/> that signs leaves only.</summary>
    public static X509Certificate2 CreateIntermediate(ECDsa key, string name, X509Certificate2 issuer, X509SignatureGenerator issuerKey, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var request = new CertificateRequest(new X500DistinguishedName($"CN={name}"), key, HashAlgorithmName.SHA256);
        AddAuthorityExtensions(request, pathLength: 0);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        return request.Create(issuer.SubjectName, issuerKey, notBefore, notAfter, NewSerial());
    }

    /// <summary>A leaf with the identity as its one URI name. The subject is empty, so the names are critical (RFC 5280, 4.2.1.6).</summary>
    public static X509Certificate2 CreateLeaf(
        PublicKey key, SpiffeId identity, IEnumerable<string> dnsNames, IEnumerable<IPAddress> addresses, LeafIssuer issuer, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var request = new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(identity.ToString(), new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        foreach (string name in dnsNames) names.AddDnsName(name);
        foreach (IPAddress address in addresses) names.AddIpAddress(address);
        request.CertificateExtensions.Add(names.Build(critical: true));
        foreach (X509Extension extension in LeafExtensions) request.CertificateExtensions.Add(extension);
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(key, critical: false));
        request.CertificateExtensions.Add(issuer.KeyIdentifier);
        return request.Create(issuer.Name, X509SignatureGenerator.CreateForECDsa(issuer.Key), notBefore, notAfter, NewSerial());
    }

    /// <summary>A name for an intermediate authority: of several that sign below one root each has its own.</summary>
    public static string NewIntermediateName(DateTimeOffset now) => $"Culvert intermediate {now:yyyyMMddHHmmss}-{RandomNumberGenerator.GetHexString(NameDigits, lowercase: true)}";

    private static void AddAuthorityExtensions(CertificateRequest request, int? pathLength)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, pathLength is not null, pathLength ?? 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
    }

    /// <summary>A moment as certificates have it, in whole seconds.</summary>
    public static DateTimeOffset WholeSecond(DateTimeOffset time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerSecond), time.Offset);

    /// <summary>126 random bits behind 0 and 1: serial numbers are positive, and never begin with a zero byte.</summary>
    private static byte[] NewSerial()
    {
        byte[] serial = RandomNumberGenerator.GetBytes(SerialLength);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40);
        return serial;
    }
}
