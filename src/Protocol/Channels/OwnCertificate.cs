using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Protocol;

/// <summary>Certificates to show in a handshake. Thread-safe.</summary>
public static class OwnCertificate
{
    /// <summary>
    /// A certificate with the intermediate ones to be sent along. The system's roots have nothing to do with it: .NET would read all of them to complete the chain, which took a tenth of a second of an agent's
    /// start, and keep them.
    /// </summary>
    /// <param name="certificate">The certificate, with its private key.</param>
    /// <param name="intermediates">What leads from it to a root.</param>
    public static SslStreamCertificateContext Context(X509Certificate2 certificate, X509Certificate2Collection intermediates) =>
        SslStreamCertificateContext.Create(certificate, intermediates, offline: true, SslCertificateTrust.CreateForX509Collection([]));
}
