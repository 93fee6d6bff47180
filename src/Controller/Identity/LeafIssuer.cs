using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity;

/// <summary>Who signs a leaf.</summary>
/// <param name="Name">The authority's subject.</param>
/// <param name="KeyIdentifier">What leaves say of the authority's key.</param>
/// <param name="Key">The key. Used by one thread at a time.</param>
internal sealed record LeafIssuer(X500DistinguishedName Name, X509AuthorityKeyIdentifierExtension KeyIdentifier, ECDsa Key)
{
    /// <summary>The holder of a certificate.</summary>
    /// <param name="certificate">The certificate; it need not outlive the call.</param>
    /// <param name="key">Its key.</param>
    public static LeafIssuer Of(X509Certificate2 certificate, ECDsa key) =>
        new(certificate.SubjectName, X509AuthorityKeyIdentifierExtension.CreateFromCertificate(certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false), key);
}
