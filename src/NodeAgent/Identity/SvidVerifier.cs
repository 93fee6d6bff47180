using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Identity;

/// <summary>Verifies a trust bundle before it is believed, and an own certificate as a peer would before it is shown to one. Pure.</summary>
internal static class SvidVerifier
{
    /// <summary>Makes sure that the roots of a bundle are certificates.</summary>
    /// <exception cref="InvalidDataException">One is not.</exception>
    internal static void CheckRoots(TrustBundle bundle)
    {
        for (int i = 0; i < bundle.Roots.Length; i++)
        {
            try
            {
                using X509Certificate2 root = X509CertificateLoader.LoadCertificate(bundle.Roots[i].Span);
            }
            catch (CryptographicException e)
            {
                throw new InvalidDataException($"root {i + 1} of the trust bundle of {bundle.TrustDomain} is no certificate: {e.Message}", e);
            }
        }
    }

    /// <summary>The serial number of the first certificate of a chain that is revoked; null when none is.</summary>
    internal static CertificateSerial? FindRevoked(IReadOnlyList<byte[]> chain, RevokedCredentials revoked) => revoked.Serials.IsEmpty ? null : revoked.Find(chain.Select(c => SvidReader.SerialOf(c)));

    /// <summary>Whether every signature from the certificate to a root of the bundle is right, and all of them are valid at a time.</summary>
    internal static bool LeadsTo(Svid svid, TrustBundle bundle, DateTimeOffset at)
    {
        using RootsChain chain = new(bundle.Roots, at);
        chain.Add(svid.Chain.Skip(1).Select(c => (ReadOnlyMemory<byte>)c));
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(svid.Chain[0]);
        return chain.Build(leaf);
    }
}
