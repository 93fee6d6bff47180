using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Kubernetes.Configuration;

/// <summary>A client's certificate with its key and chain.</summary>
internal sealed class ClientIdentity(X509Certificate2 certificate, X509Certificate2Collection chain) : IDisposable
{
    public X509Certificate2 Certificate { get; } = certificate;

    /// <summary>What a handshake needs of it; it stays valid after disposal of this only as long as nobody begins a new one.</summary>
    public SslStreamCertificateContext Context() => SslStreamCertificateContext.Create(Certificate, chain, offline: true);

    public void Dispose()
    {
        Certificate.Dispose();
        foreach (X509Certificate2 other in chain) other.Dispose();
    }
}
