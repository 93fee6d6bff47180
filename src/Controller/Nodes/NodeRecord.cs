namespace Culvert.Controller;

/// <summary>What the state folder says of one node.</summary>
/// <param name="Node">The node.</param>
/// <param name="CertificateUntil">When the last certificate signed for it ends; null: not known.</param>
/// <param name="RevokedAt">Certificates made until then are refused; null: none are.</param>
public sealed record NodeRecord(string Node, DateTimeOffset? CertificateUntil, DateTimeOffset? RevokedAt);
