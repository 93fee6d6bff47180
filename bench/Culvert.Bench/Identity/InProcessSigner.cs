using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;

namespace Culvert.Bench.Identity;

/// <summary>
/// What signing itself costs: a loop on each core that checks the signature of a request and signs a certificate with the extensions that the controller's have. .NET reads and writes the DER, OpenSSL's libcrypto computes; nobody asks
/// over a network, and nobody decides who may have what. In its favour, what is the same in all certificates is made once.
/// </summary>
internal sealed class InProcessSigner : ISigner, IDisposable
{
    /// <summary>Its name in the results.</summary>
    public const string Name = "loops in one process, .NET's X.509 over OpenSSL's P-256, one a core: no network, nobody to ask";

    private const int SerialLength = 16;
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1", ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly SomeAuthority _authority;
    private readonly IReadOnlyList<PreparedRequest> _requests;
    private readonly ECDsa[] _keys;
    private readonly X509SignatureGenerator[] _generators;
    private readonly X500DistinguishedName _noName = new("");
    private readonly X509Extension[] _always;

    /// <param name="authority">Who signs.</param>
    /// <param name="requests">What is to be signed.</param>
    public InProcessSigner(SomeAuthority authority, IReadOnlyList<PreparedRequest> requests)
    {
        (_authority, _requests) = (authority, requests);
        _keys = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => ECDsa.Create(authority.Key.ExportParameters(includePrivateParameters: true)))]; // nobody waits for another's
        _generators = [.. _keys.Select(X509SignatureGenerator.CreateForECDsa)];
        _always =
        [
            new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true),
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true),
            new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication), new Oid(ClientAuthentication)], critical: false),
            X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority.Certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false),
        ];
    }

    public int Workers => _keys.Length;

    public ValueTask<ReadOnlyMemory<byte>> SignAsync(int worker, int request, CancellationToken cancellationToken) => new(Sign(worker, _requests[request]));

    public void Dispose()
    {
        foreach (ECDsa key in _keys) key.Dispose();
    }

    private ReadOnlyMemory<byte> Sign(int worker, PreparedRequest prepared)
    {
        PublicKey key = CertificateRequest.LoadSigningRequest(prepared.Csr, HashAlgorithmName.SHA256).PublicKey;
        CertificateRequest request = new(_noName, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(NameOf(prepared.Identity));
        foreach (X509Extension extension in _always) request.CertificateExtensions.Add(extension);
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(key, critical: false));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 leaf = request.Create(_authority.Certificate.SubjectName, _generators[worker], now.AddSeconds(-30), now + MeshSettingsDefaults.CertificateLifetime, NewSerial());
        return leaf.RawDataMemory;
    }

    private static X509Extension NameOf(SpiffeId identity)
    {
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri(identity.ToString()));
        return names.Build(critical: true);
    }

    private static byte[] NewSerial()
    {
        byte[] serial = RandomNumberGenerator.GetBytes(SerialLength);
        serial[0] = (byte)((serial[0] & 0x7F) | 0x40);
        return serial;
    }
}
