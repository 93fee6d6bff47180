using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.GrpcHosting.Tests;

/// <summary>An authority with a certificate for the server and one for the client.</summary>
internal sealed class TestCertificates : IDisposable
{
    private readonly X509Certificate2 authority;

    private TestCertificates(X509Certificate2 authority, X509Certificate2 server, X509Certificate2 client)
    {
        this.authority = authority;
        Server = server;
        Client = client;
    }

    internal X509Certificate2 Server { get; }

    internal X509Certificate2 Client { get; }

    internal static TestCertificates Create()
    {
        DateTimeOffset start = DateTimeOffset.UtcNow.AddMinutes(-5);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=test authority", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        X509Certificate2 authority = request.CreateSelfSigned(start, start.AddDays(1));
        return new TestCertificates(authority, Issue(authority, "server", start), Issue(authority, "spiffe-client", start));
    }

    internal bool Trusts(X509Certificate? certificate)
    {
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(certificate!.GetRawCertData());
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        return chain.Build(leaf);
    }

    public void Dispose()
    {
        authority.Dispose();
        Server.Dispose();
        Client.Dispose();
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string name, DateTimeOffset start)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri($"spiffe://test/ns/default/sa/{name}"));
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 bare = request.Create(authority, start, start.AddHours(12), RandomNumberGenerator.GetBytes(8));
        return bare.CopyWithPrivateKey(key);
    }
}
