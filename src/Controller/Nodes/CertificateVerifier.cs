using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Nodes;

/// <summary>Verifies certificate chains against the authority's roots and nothing else.</summary>
internal static class CertificateVerifier
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>Whether a client certificate leads to one of the roots and is valid now.</summary>
    public static bool IsTrusted(X509Certificate2 certificate, X509Chain? presented, ImmutableArray<ReadOnlyMemory<byte>> roots, DateTimeOffset now)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.VerificationTime = now.LocalDateTime;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        foreach (ReadOnlyMemory<byte> root in roots) chain.ChainPolicy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(root.Span));
        if (presented is not null) chain.ChainPolicy.ExtraStore.AddRange(presented.ChainPolicy.ExtraStore);
        return chain.Build(certificate);
    }
}
