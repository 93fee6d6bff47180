using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Interop.Tls;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>A certificate authority in memory that makes good and bad leaves.</summary>
internal sealed class TestAuthority : IDisposable
{
    internal const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    internal const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;

    internal TestAuthority(string name = "test root")
    {
        CertificateRequest request = new($"CN={name}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        _root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddDays(1));
    }

    internal ReadOnlyMemory<byte> Root => _root.RawData;

    internal TestLeaf Issue(params string[] uris) => Issue(DateTimeOffset.UtcNow.AddHours(1), uris);

    internal TestLeaf Issue(DateTimeOffset notAfter, params string[] uris)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new TestLeaf(IssueFor(new PublicKey(key), notAfter, uris), key.ExportPkcs8PrivateKey());
    }

    /// <summary>A leaf for a key of some kind.</summary>
    internal TestLeaf Issue(KeyKind kind, string uri)
    {
        using AsymmetricAlgorithm key = kind.CreateKey();
        return new TestLeaf(IssueFor(PublicKey.CreateFromSubjectPublicKeyInfo(key.ExportSubjectPublicKeyInfo(), out _), uri), key.ExportPkcs8PrivateKey());
    }

    internal byte[] IssueFor(PublicKey key, params string[] uris) => IssueFor(key, DateTimeOffset.UtcNow.AddHours(1), uris);

    /// <summary>A leaf with its own constraints.</summary>
    /// <param name="uri">Its name.</param>
    /// <param name="isAuthority">Whether it says that it is an authority's.</param>
    /// <param name="usage">What its key is for; null: it does not say.</param>
    /// <param name="purposes">What it is for, OIDs; none: it does not say; null: for servers and clients.</param>
    internal TestLeaf IssueWith(string uri, bool isAuthority, X509KeyUsageFlags? usage, string[]? purposes = null)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new TestLeaf(IssueFor(new PublicKey(key), DateTimeOffset.UtcNow.AddHours(1), [uri], usage, isAuthority, purposes), key.ExportPkcs8PrivateKey());
    }

    private byte[] IssueFor(PublicKey key, DateTimeOffset notAfter, string[] uris, X509KeyUsageFlags? usage = X509KeyUsageFlags.DigitalSignature, bool isAuthority = false, string[]? purposes = null)
    {
        CertificateRequest request = new(new X500DistinguishedName("CN=leaf"), key, HashAlgorithmName.SHA256);
        if (uris.Length > 0) request.CertificateExtensions.Add(NamesOf(uris));
        OidCollection named = [];
        foreach (string purpose in purposes ?? [ServerAuthentication, ClientAuthentication]) named.Add(new Oid(purpose));
        if (named.Count > 0) request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(named, false));
        if (usage is { } said) request.CertificateExtensions.Add(new X509KeyUsageExtension(said, true));
        if (isAuthority) request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        byte[] serial = RandomNumberGenerator.GetBytes(12);
        serial[0] &= 0x7F;
        using ECDsa rootKey = _root.GetECDsaPrivateKey()!;

        // By its generator: the leaf's key may be of another kind than the root's.
        using X509Certificate2 certificate = request.Create(_root.SubjectName, X509SignatureGenerator.CreateForECDsa(rootKey), notAfter.AddDays(-10), notAfter, serial);
        return certificate.RawData;
    }

    // As they are written: a Uri would put a slash behind a name without a path.
    private static X509Extension NamesOf(string[] uris)
    {
        AsnWriter names = new(AsnEncodingRules.DER);
        using (names.PushSequence())
        {
            foreach (string uri in uris) names.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, 6));
        }

        return new X509Extension("2.5.29.17", names.Encode(), critical: false);
    }

    /// <summary>A certificate of this authority for another one's root, by which those who know only this one find to that one.</summary>
    internal byte[] CertifySuccessor(TestAuthority successor)
    {
        CertificateRequest request = new(successor._root.SubjectName, successor._root.PublicKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using X509Certificate2 certificate = request.Create(_root, DateTimeOffset.UtcNow.AddDays(-10), DateTimeOffset.UtcNow.AddHours(1), [1, 2, 3]);
        return certificate.RawData;
    }

    internal TlsContext Context(bool server, TestLeaf leaf, params TestAuthority[] trusted) => TlsContext.Create(new TlsContextOptions
    {
        IsServer = server,
        Certificate = leaf.Certificate,
        PrivateKey = leaf.Key,
        TrustBundle = [.. (trusted.Length == 0 ? [this] : trusted).Select(t => t.Root)],
    });

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
    }
}

internal sealed record TestLeaf(byte[] Certificate, byte[] Key)
{
    internal string CertificatePem => PemEncoding.WriteString("CERTIFICATE", Certificate);

    internal string KeyPem => PemEncoding.WriteString("PRIVATE KEY", Key);
}
