using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>An authority that certifies another one below it, which the controller signs with. Called by one at a time.</summary>
internal interface IUpstreamAuthority : IAsyncDisposable
{
    /// <summary>Which it is, as people know it; begins a sentence.</summary>
    string Place { get; }

    /// <summary>The trust domain that it is of; null: whichever the mesh has.</summary>
    string? TrustDomain { get; }

    /// <summary>Whether it has another one take its place in time, so that nobody has to be told of its end.</summary>
    bool IsReplacedByItself => false;

    /// <summary>What it is now.</summary>
    /// <exception cref="AuthorityException">It does not say, or what it says can't be used; what was known before stays in force.</exception>
    Task<UpstreamState> ReadAsync(CancellationToken cancellationToken);

    /// <summary>Certifies an authority that signs leaves only.</summary>
    /// <param name="key">The authority's key, which stays the caller's.</param>
    /// <param name="name">Its common name, which the upstream authority may replace.</param>
    /// <param name="lifetime">How long it is to last; may be cut.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>DER: the certificate, followed by what leads to a root, without that.</returns>
    /// <exception cref="AuthorityException">It is not certified.</exception>
    Task<ImmutableArray<ReadOnlyMemory<byte>>> CertifyAsync(ECDsa key, string name, TimeSpan lifetime, CancellationToken cancellationToken);
}
