using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Whether the peer of one tunnel may still be believed: its own certificate is valid and leads to the trust bundle of the moment, or the same
/// peer has shown one since that does, from the same address. So a connection may live longer than a certificate, but not longer than the right to one.
/// </summary>
/// <param name="key">The peer.</param>
/// <param name="first">What the tunnel's own handshake has shown.</param>
/// <param name="certificates">Credentials.</param>
/// <param name="proofs">The last proof of each peer.</param>
/// <param name="time">The clock.</param>
internal sealed class PeerTrust(PeerKey key, PeerProof first, ICertificateSource certificates, PeerProofs proofs, TimeProvider time)
{
    // Agents renew at 60 to 73 % of a certificate's life: by then a peer that may renew has done so. Counted from the last proof, so that a peer that has not
    // is asked again when a fifth of what is left is left.
    private const double DueAt = 0.8;

    /// <summary>Whether the peer may be believed now.</summary>
    internal bool Holds => IsValid(first) || (proofs.Find(key) is { } latest && IsValid(latest));

    /// <summary>
    /// Whether both sides should prove themselves again, so that streams can go on: this side has another certificate, or the peer's ends soon.
    /// </summary>
    internal bool IsDue
    {
        get
        {
            PeerProof latest = proofs.Find(key) ?? first;
            if (certificates.Find(key.Own) is { } current && !ReferenceEquals(current, latest.Shown)) return true;
            return time.GetUtcNow() > latest.MadeAt + ((latest.NotAfter - latest.MadeAt) * DueAt);
        }
    }

    private bool IsValid(PeerProof proof) =>
        time.GetUtcNow() < proof.NotAfter
        && !certificates.IsTrustLost
        && (certificates.Find(key.Own) is not { } current || current.Client.Trusts(proof.Anchor));
}
