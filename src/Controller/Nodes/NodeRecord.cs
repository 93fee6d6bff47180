namespace Culvert.Controller.Nodes;

/// <summary>What the state folder says of one node.</summary>
/// <param name="Node">The node.</param>
/// <param name="CertificateUntil">When the last certificate signed for it ends; null: not known.</param>
/// <param name="RevokedAt">Certificates made until then are refused; null: none are.</param>
/// <param name="CertificateFrom">When the last certificate was signed; null: not known.</param>
/// <param name="IsKnownByFingerprint">Whether that certificate can be told from others: only then it is good for renewal when its root is removed.</param>
public sealed record NodeRecord(string Node, DateTimeOffset? CertificateUntil, DateTimeOffset? RevokedAt, DateTimeOffset? CertificateFrom = null, bool IsKnownByFingerprint = false)
{
    /// <summary>What the newest certificate of the node is good for at a moment; as for a caller, it is revoked unless it was made after the revocation.</summary>
    public NodeCertificateState StateAt(DateTimeOffset now) =>
        RevokedAt is { } revoked && !(CertificateFrom > revoked) ? NodeCertificateState.Revoked
        : CertificateUntil is not { } until ? NodeCertificateState.Unknown
        : until <= now ? NodeCertificateState.Expired : NodeCertificateState.Valid;
}
