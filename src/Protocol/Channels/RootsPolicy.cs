using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Protocol;

/// <summary>How chains are built that have to lead to given roots, and may lead to nothing else.</summary>
public static class RootsPolicy
{
    /// <summary>A policy that trusts the roots alone, downloads nothing and looks nothing up. What it holds is the caller's to dispose of.</summary>
    /// <param name="roots">DER.</param>
    /// <param name="at">When all certificates of the chain have to be valid.</param>
    /// <param name="purpose">What they have to be good for, one of <see cref="KeyPurposes"/>; null: anything.</param>
    /// <exception cref="CryptographicException">A root is no certificate.</exception>
    public static X509ChainPolicy Create(IEnumerable<ReadOnlyMemory<byte>> roots, DateTimeOffset at, string? purpose = null)
    {
        ArgumentNullException.ThrowIfNull(roots);
        X509ChainPolicy policy = new()
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationTimeIgnored = false,
            VerificationTime = at.LocalDateTime,
        };
        foreach (ReadOnlyMemory<byte> root in roots) policy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(root.Span));
        if (purpose is not null) policy.ApplicationPolicy.Add(new Oid(purpose));
        return policy;
    }
}
