using Culvert.Protocol;

namespace Culvert.Controller.Nodes;

/// <summary>What a node's certificate says.</summary>
/// <param name="TrustDomain">The trust domain of its identity.</param>
/// <param name="IssuedAt">When it was made.</param>
/// <param name="NotAfter">When it ends.</param>
/// <param name="Root">The root that it leads to, in DER.</param>
/// <param name="Fingerprint">What it is known by (<see cref="CertificateFingerprint"/>).</param>
internal sealed record NodeCertificate(string TrustDomain, DateTimeOffset IssuedAt, DateTimeOffset NotAfter, byte[] Root, string Fingerprint);
