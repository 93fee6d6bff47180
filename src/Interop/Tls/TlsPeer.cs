namespace Culvert.Interop.Tls;

/// <summary>What a verified peer certificate says.</summary>
/// <param name="Uris">The URI subject alternative names, in order. A SPIFFE certificate has exactly one.</param>
/// <param name="NotAfter">When the certificate, or one between it and the anchor, ends.</param>
/// <param name="Anchor">The certificate of the trust bundle that the chain ended in.</param>
/// <param name="IsAuthority">Whether it says that it is an authority's (basicConstraints).</param>
/// <param name="Usage">What its key is for, as it says (keyUsage); nothing where it does not say.</param>
/// <param name="Serials">Serial numbers of the certificate and of those between it and the anchor, in that order; octets, the highest first.</param>
public sealed record TlsPeer(IReadOnlyList<string> Uris, DateTimeOffset NotAfter, TlsAnchor Anchor, bool IsAuthority, TlsKeyUsage Usage, IReadOnlyList<byte[]> Serials);
