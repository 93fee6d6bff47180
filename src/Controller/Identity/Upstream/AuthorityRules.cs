using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>What a certificate needs for the controller to sign leaves with it (RFC 5280, section 4.2; X509-SVID, section 3). Pure.</summary>
internal static class AuthorityRules
{
    /// <summary>Checks a certificate.</summary>
    /// <exception cref="InvalidDataException">Something is missing; the message completes a sentence that begins with the certificate.</exception>
    public static void Require(X509Certificate2 certificate)
    {
        if (certificate.Extensions.OfType<X509BasicConstraintsExtension>().FirstOrDefault() is not { CertificateAuthority: true }) throw new InvalidDataException("is no authority: its basic constraints have no CA:TRUE");
        if (certificate.Extensions.OfType<X509KeyUsageExtension>().FirstOrDefault() is { } usage && !usage.KeyUsages.HasFlag(X509KeyUsageFlags.KeyCertSign))
            throw new InvalidDataException("may not sign certificates: its key usage lacks keyCertSign");
        if (!certificate.Extensions.OfType<X509SubjectKeyIdentifierExtension>().Any()) throw new InvalidDataException("has no subject key identifier, by which what it signs leads to it");
        foreach (string uri in SvidReader.ReadClaims(certificate).Uris)
        {
            if (SpiffeId.TryParse(uri, out SpiffeId? id) && id.Path.Length > 0) throw new InvalidDataException($"names {id}, and authorities name a trust domain only");
        }
    }
}
