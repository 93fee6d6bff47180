using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>What a certificate needs for the controller to sign leaves with it (RFC 5280, section 4.2; X509-SVID, section 3). Pure.</summary>
internal static class AuthorityRules
{
    private const string EcPublicKey = "1.2.840.10045.2.1", Rsa = "1.2.840.113549.1.1.1";

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

    /// <summary>Whether a certificate's key is of an elliptic curve; it is of RSA otherwise.</summary>
    /// <param name="path">Where the certificate is, for the message.</param>
    /// <param name="certificate">The certificate.</param>
    /// <exception cref="InvalidDataException">It is of neither; the message is a sentence.</exception>
    public static bool IsOfCurve(string path, X509Certificate2 certificate) => certificate.PublicKey.Oid.Value switch
    {
        EcPublicKey => true,
        Rsa => false,
        var other => throw new InvalidDataException($"{path} has a key of type {other}; ECDSA and RSA are taken."),
    };
}
