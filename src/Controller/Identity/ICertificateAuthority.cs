using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Identity;

/// <summary>Signs certificates: built in, or one of the authorities outside. Implementations are safe for any number of threads.</summary>
public interface ICertificateAuthority
{
    /// <summary>Root certificates in DER that all valid certificates lead to, oldest first.</summary>
    ImmutableArray<ReadOnlyMemory<byte>> Roots { get; }

    /// <summary>
    /// Root certificates in DER that have left the bundle a short while ago. Nothing is trusted for leading to one of them, but a node that was away may
    /// ask for a new certificate with one that does.
    /// </summary>
    ImmutableArray<ReadOnlyMemory<byte>> RetiredRoots => [];

    /// <summary>
    /// Those of <see cref="RetiredRoots"/> whose key may be another's: a certificate that leads to one proves nothing by itself, only when it is known to be the one that was signed here.
    /// </summary>
    ImmutableArray<ReadOnlyMemory<byte>> RemovedRoots => [];

    /// <summary>The trust domain that the roots are of; null: whichever the mesh has.</summary>
    string? TrustDomain => null;

    /// <summary>How long before its making a certificate begins; not negative.</summary>
    TimeSpan Backdating => TimeSpan.Zero;

    /// <summary>Tells which certificates are revoked: an authority of the controller's own that has one of them signs nothing more, and another one takes its place. Called again with all of them when there are others.</summary>
    /// <param name="serials">Their serial numbers.</param>
    void Revoke(IReadOnlyCollection<CertificateSerial> serials)
    {
    }

    /// <summary>Whether it signs tokens at all; what it can't for the moment it says by <see cref="SignJwtAsync"/>.</summary>
    bool SignsJwts => false;

    /// <summary>The keys that the tokens which it signs are verified with, those that sign no more, or not yet, included; none: it signs none.</summary>
    EquatableArray<JwtKey> JwtKeys => [];

    /// <summary>Raised after <see cref="Roots"/> or <see cref="JwtKeys"/> has changed, on any thread.</summary>
    event Action? RootsChanged;

    /// <summary>Signs a certificate.</summary>
    /// <exception cref="AuthorityException">It is not signed; the reason says whether to ask again, and the authority may say when.</exception>
    Task<IssuedCertificate> SignAsync(SigningRequest request, CancellationToken cancellationToken);

    /// <summary>Signs a token (JWT-SVID.md) that is good for <see cref="JwtSvid.Lifetime"/>, or less.</summary>
    /// <param name="identity">Whose.</param>
    /// <param name="audience">For whom it is meant; checked by the caller.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="AuthorityException">As of <see cref="SignAsync"/>.</exception>
    /// <exception cref="NotSupportedException">It signs none: see <see cref="SignsJwts"/>.</exception>
    Task<IssuedJwt> SignJwtAsync(SpiffeId identity, IReadOnlyList<string> audience, CancellationToken cancellationToken) =>
        Task.FromException<IssuedJwt>(new NotSupportedException());
}
