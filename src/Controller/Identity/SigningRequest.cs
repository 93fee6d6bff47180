using System.Net;
using Culvert.Core;

namespace Culvert.Controller.Identity;

/// <summary>What is to be signed.</summary>
public sealed record SigningRequest
{
    /// <summary>PKCS#10 in DER. Only its public key is used, unless the authority signs what it names, which must be what is said here then; its signature proves that the asker has the private key.</summary>
    public required ReadOnlyMemory<byte> Csr { get; init; }

    /// <summary>The identity to certify, decided by the controller and never by the request.</summary>
    public required SpiffeId Identity { get; init; }

    /// <summary>Lifetime before jitter.</summary>
    public required TimeSpan Lifetime { get; init; }

    /// <summary>Share of the lifetime by which it varies at random, up or down: 0..0.5.</summary>
    public double Jitter { get; init; }

    /// <summary>A lifetime as it may come out.</summary>
    internal TimeSpan VariedLifetime(Random random) => Lifetime * (1 + (Jitter * ((2 * random.NextDouble()) - 1)));

    /// <summary>
    /// Have the chain lead to older roots, too, by certificates that those have made for their successors (RFC 4210, section 4.4.1): whoever was away while the
    /// root was replaced can verify it. For the controller's own certificate; authorities with one root only need not heed it.
    /// </summary>
    public bool LeadsToOlderRoots { get; init; }

    /// <summary>DNS names to certify besides; for the controller's own certificate.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>Addresses to certify besides; for the controller's own certificate.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];
}
