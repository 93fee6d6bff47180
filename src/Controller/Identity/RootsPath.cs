using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Identity;

/// <summary>Finds the path from a certificate to a root (RFC 5280, section 6). Pure.</summary>
internal static class RootsPath
{
    /// <summary>The root that a chain leads to, in DER; null: to none.</summary>
    /// <param name="chain">DER: the certificate, and others that may lead on.</param>
    /// <param name="roots">DER of the roots.</param>
    /// <param name="at">When all have to be valid.</param>
    /// <param name="problem">Why there is no path.</param>
    /// <exception cref="CryptographicException">Something is no certificate.</exception>
    public static ReadOnlyMemory<byte>? Find(ImmutableArray<ReadOnlyMemory<byte>> chain, ImmutableArray<ReadOnlyMemory<byte>> roots, DateTimeOffset at, out string problem)
    {
        using X509Chain path = new() { ChainPolicy = RootsPolicy.Create(roots, at) };
        try
        {
            foreach (ReadOnlyMemory<byte> certificate in chain.Skip(1)) path.ChainPolicy.ExtraStore.Add(X509CertificateLoader.LoadCertificate(certificate.Span));
            using X509Certificate2 first = X509CertificateLoader.LoadCertificate(chain[0].Span);
            bool isFound = path.Build(first);
            problem = isFound ? "" : string.Join(", ", path.ChainStatus.Select(s => s.StatusInformation.Trim()).Distinct(StringComparer.Ordinal));
            return isFound ? path.ChainElements[^1].Certificate.RawDataMemory : default(ReadOnlyMemory<byte>?);
        }
        finally
        {
            IEnumerable<X509Certificate2> held = [.. path.ChainPolicy.CustomTrustStore, .. path.ChainPolicy.ExtraStore, .. path.ChainElements.Select(e => e.Certificate)];
            foreach (X509Certificate2 certificate in held) certificate.Dispose();
        }
    }
}
