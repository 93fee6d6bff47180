using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity;

/// <summary>When a certificate ends. Immutable.</summary>
/// <param name="Subject">Whose it is.</param>
/// <param name="NotAfter">When it ends.</param>
internal sealed record CertificateEnd(string Subject, DateTimeOffset NotAfter)
{
    /// <summary>A certificate's.</summary>
    public static CertificateEnd Of(X509Certificate2 certificate) => new(certificate.Subject, new(certificate.NotAfter.ToUniversalTime()));
}
