using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Whether the peer of one tunnel may still be believed: its own certificate is valid and leads to the trust bundle of the moment, or the same
/// peer has shown one since that does, from the same address. So a connection may live longer than a certificate, but not longer than the right to one. When the certificate
/// by which it was made is revoked it ends, whatever its peer has shown since.
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

    // Of short lives a fifth is less than the second that passes between two looks and the time of a handshake on a busy node.
    private static readonly TimeSpan DueWith = TimeSpan.FromSeconds(3);
    private const string EndedReason = "the peer's certificate has expired or its root has left the trust bundle, and it has not shown another one";
    private const string RevokedReason = "the peer's identity or certificate has been revoked";

    /// <summary>Why the peer may not be believed now: <see cref="ProxyFailure.PeerRevoked"/> or <see cref="ProxyFailure.PeerIdentityMismatch"/>; None while it may.</summary>
    internal ProxyFailure Doubt
    {
        get
        {
            RevokedCredentials revoked = certificates.Revoked;
            if (revoked.Contains(key.PeerIdentity) || IsRevoked(first, revoked)) return ProxyFailure.PeerRevoked;
            return IsValid(first) || (proofs.Find(key) is { } latest && IsValid(latest) && !IsRevoked(latest, revoked)) ? ProxyFailure.None : ProxyFailure.PeerIdentityMismatch;
        }
    }

    /// <summary>Whether a peer that may not be believed is only late: what it has shown last has ended, and leads to the trust bundle as ever. Of a root that was removed nothing is to be left.</summary>
    internal bool IsOnlyLate => LeadsToBundle(first) && LeadsToBundle(proofs.Find(key) ?? first);

    /// <summary>A doubt in words.</summary>
    internal static string Describe(ProxyFailure doubt) => doubt == ProxyFailure.PeerRevoked ? RevokedReason : EndedReason;

    /// <summary>
    /// Whether both sides should prove themselves again, so that streams can go on: this side has another certificate, or the peer's ends soon.
    /// </summary>
    internal bool IsDue
    {
        get
        {
            PeerProof latest = proofs.Find(key) ?? first;
            if (certificates.Find(key.Own) is { } current && !ReferenceEquals(current, latest.Shown)) return true;
            DateTimeOffset now = time.GetUtcNow();
            return now > latest.MadeAt + ((latest.NotAfter - latest.MadeAt) * DueAt) || now > latest.NotAfter - DueWith;
        }
    }

    private static bool IsRevoked(PeerProof proof, RevokedCredentials revoked) => revoked.Find(proof.Serials) is not null;

    private bool IsValid(PeerProof proof) => time.GetUtcNow() < proof.NotAfter && LeadsToBundle(proof);

    private bool LeadsToBundle(PeerProof proof)
    {
        if (certificates.IsTrustLost) return false;
        if (key.PeerIdentity.TrustDomain != key.Own.TrustDomain) return certificates.TrustsForeign(key.PeerIdentity.TrustDomain, proof.Anchor);
        return certificates.Find(key.Own) is not { } current || current.Client.Trusts(proof.Anchor);
    }
}
