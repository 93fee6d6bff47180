using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.SpireTypes;

namespace Culvert.Controller.Identity.Spire;

/// <summary>The roots of a trust domain, and its keys for tokens, as a SPIRE server has told them. Immutable.</summary>
/// <param name="TrustDomain">Whose they are.</param>
/// <param name="Sequence">The server's count of changes; others than of roots count too.</param>
/// <param name="Roots">DER, in the server's order, without those that have ended.</param>
internal sealed record SpireBundle(string TrustDomain, ulong Sequence, ImmutableArray<ReadOnlyMemory<byte>> Roots)
{
    /// <summary>Reads an answer. Roots that have ended are left out: a server keeps them for long, and nothing leads to them.</summary>
    /// <exception cref="AuthorityException">A root is no certificate, or none is left.</exception>
    public static SpireBundle Read(Bundle told, DateTimeOffset now)
    {
        ImmutableArray<ReadOnlyMemory<byte>>.Builder roots = ImmutableArray.CreateBuilder<ReadOnlyMemory<byte>>(told.X509Authorities.Count);
        for (int i = 0; i < told.X509Authorities.Count; i++)
        {
            try
            {
                using X509Certificate2 root = X509CertificateLoader.LoadCertificate(told.X509Authorities[i].Asn1.Span);
                if (new DateTimeOffset(root.NotAfter.ToUniversalTime()) > now) roots.Add(root.RawData);
            }
            catch (CryptographicException e)
            {
                throw new AuthorityException(AuthorityFailure.Unavailable, $"Root {i + 1} in the bundle of {told.TrustDomain} is no certificate: {e.Message}", e);
            }
        }
        return roots.Count > 0
            ? new(told.TrustDomain, told.SequenceNumber, roots.ToImmutable()) { Tainted = [.. told.X509Authorities.Where(a => a.Tainted).Select(a => CertificateFingerprint.Of(a.Asn1.Span))], JwtKeys = JwtKeysOf(told, now) }
            : throw new AuthorityException(AuthorityFailure.Unavailable, $"The bundle of {told.TrustDomain} has {told.X509Authorities.Count} roots, and none that is valid at {now:u}; check the clock, and the server's authority.");
    }

    /// <summary>What JWT-SVIDs of the trust domain are verified with, without keys that have ended or are of no use here; by name.</summary>
    public EquatableArray<JwtKey> JwtKeys { get; init; }

    /// <summary>Fingerprints of those of the roots that the server has tainted: what leads to them is to be replaced.</summary>
    public ImmutableArray<string> Tainted { get; init; } = [];

    /// <summary>Whether it has other roots than another one, whatever their order. A server counts further when nothing has changed, and its sequence says nothing of which are newer where it was set up anew.</summary>
    public bool HasOtherRoots(SpireBundle other) => !CertificateFingerprint.AreSame(Roots, other.Roots);

    private static EquatableArray<JwtKey> JwtKeysOf(Bundle told, DateTimeOffset now) => told.JwtAuthorities
        .Where(k => k.KeyId.Length > 0 && (k.ExpiresAt <= 0 || k.ExpiresAt > now.ToUnixTimeSeconds()))
        .OrderBy(k => k.KeyId, StringComparer.Ordinal).Select(k => JwtKey.FromPublicKey(k.KeyId, k.PublicKey.Span)).OfType<JwtKey>().ToEquatableArray();
}
