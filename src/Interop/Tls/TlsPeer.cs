namespace Culvert.Interop.Tls;

/// <summary>What a verified peer certificate says.</summary>
/// <param name="Uris">The URI subject alternative names, in order. A SPIFFE certificate has exactly one.</param>
/// <param name="NotAfter">When the certificate ends.</param>
public sealed record TlsPeer(IReadOnlyList<string> Uris, DateTimeOffset NotAfter);
