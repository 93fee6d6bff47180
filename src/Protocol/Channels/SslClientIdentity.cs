using System.Security.Cryptography.X509Certificates;

namespace Culvert.Protocol;

/// <summary>A certificate to show in a handshake.</summary>
/// <param name="Certificate">The leaf with its private key.</param>
/// <param name="Intermediates">The certificates between it and the root.</param>
public sealed record SslClientIdentity(X509Certificate2 Certificate, X509Certificate2Collection Intermediates);
