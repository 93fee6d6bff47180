using System.Diagnostics.CodeAnalysis;
using Culvert.Core;
using Culvert.Interop.Tls;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>Reads what a peer's certificate proves (<see cref="SvidStandard"/>), beyond its chain, dates and purpose, which the handshake has verified. Pure.</summary>
internal static class SvidRules
{
    /// <summary>Reads the identity of a verified certificate.</summary>
    /// <param name="peer">The certificate.</param>
    /// <param name="id">The identity.</param>
    /// <param name="error">Which rule it breaks, in words.</param>
    /// <returns>False where it breaks one.</returns>
    internal static bool TryRead(TlsPeer peer, [NotNullWhen(true)] out SpiffeId? id, [NotNullWhen(false)] out string? error)
    {
        SvidClaims claims = new()
        {
            Uris = peer.Uris,
            IsAuthority = peer.IsAuthority,
            SignsCertificates = (peer.Usage & (TlsKeyUsage.SignsCertificates | TlsKeyUsage.SignsRevocations)) != TlsKeyUsage.None,
            IsForSignatures = (peer.Usage & TlsKeyUsage.DigitalSignature) != TlsKeyUsage.None,
        };
        bool isRead = SvidStandard.TryRead(claims, out id, out BrokenSvidRule? broken);
        error = isRead ? null : $"the peer's certificate {broken!.Text}";
        return isRead;
    }
}
