using System.Diagnostics.CodeAnalysis;
using Culvert.Core;
using Culvert.Interop.Tls;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>What a certificate has to be that proves a workload's identity (X509-SVID standard, sections 4 and 5), beyond its chain, dates and purpose, which the handshake has verified. Pure.</summary>
internal static class SvidRules
{
    /// <summary>Reads the identity of a verified certificate.</summary>
    /// <param name="peer">The certificate.</param>
    /// <param name="id">The identity.</param>
    /// <param name="error">Which rule it breaks, in words.</param>
    /// <returns>False where it breaks one.</returns>
    internal static bool TryRead(TlsPeer peer, [NotNullWhen(true)] out SpiffeId? id, [NotNullWhen(false)] out string? error)
    {
        id = null;
        error = FindBroken(peer);
        if (error is not null || !SpiffeId.TryParse(peer.Uris[0], out id, out error)) return false;
        if (id.Path.Length > 0) return true;
        error = $"the peer's certificate names the trust domain {id}, and no workload of it";
        id = null;
        return false;
    }

    private static string? FindBroken(TlsPeer peer)
    {
        if (peer.Uris.Count != 1) return $"the peer's certificate has {peer.Uris.Count} URI names, a SPIFFE certificate has one";
        // Who has the key of an authority could be anybody, and so proves nobody.
        if (peer.IsAuthority) return "the peer's certificate is an authority's, which proves no workload";
        if ((peer.Usage & (TlsKeyUsage.SignsCertificates | TlsKeyUsage.SignsRevocations)) != TlsKeyUsage.None) return "the key of the peer's certificate may sign certificates or revocations, which no workload's may";
        return (peer.Usage & TlsKeyUsage.DigitalSignature) == TlsKeyUsage.None ? "the peer's certificate does not say that its key is for signatures (keyUsage)" : null;
    }
}
