using System.Security.Cryptography.X509Certificates;
using Culvert.Core;

namespace Culvert.NodeAgent.Identity;

/// <summary>Verifies an own certificate as a peer would, before it is shown to one. Pure.</summary>
internal static class SvidVerifier
{
    /// <summary>Whether every signature from the certificate to a root of the bundle is right, and all of them are valid at a time.</summary>
    internal static bool LeadsTo(Svid svid, TrustBundle bundle, DateTimeOffset at)
    {
        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.VerificationTime = at.LocalDateTime;
        foreach (ReadOnlyMemory<byte> root in bundle.Roots) chain.ChainPolicy.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(root.Span));
        foreach (byte[] certificate in svid.Chain.Skip(1)) chain.ChainPolicy.ExtraStore.Add(X509CertificateLoader.LoadCertificate(certificate));
        using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(svid.Chain[0]);
        return chain.Build(leaf);
    }
}
