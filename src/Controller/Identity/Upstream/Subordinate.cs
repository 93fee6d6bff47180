using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>An authority below an upstream one. Safe for any number of threads.</summary>
internal sealed class Subordinate : IDisposable
{
    private volatile string? _provenFor;

    private readonly ImmutableArray<ReadOnlyMemory<byte>> _roots;

    private Subordinate(Intermediate issuer, ImmutableArray<ReadOnlyMemory<byte>> chain, UpstreamState upstream, string name, RootsPath path) =>
        (Issuer, Chain, _roots, Signer, Name, NotAfter, FirstAbove) = (issuer, chain, upstream.Roots, upstream.Signer, name, path.NotAfter, path.FirstAbove);

    /// <summary>What signs.</summary>
    public Intermediate Issuer { get; }

    /// <summary>DER: its certificate, and what leads to a root, without that.</summary>
    public ImmutableArray<ReadOnlyMemory<byte>> Chain { get; }

    /// <summary>Its subject.</summary>
    public string Name { get; }

    /// <summary>Until when it and all that lead to a root are valid.</summary>
    public DateTimeOffset NotAfter { get; }

    /// <summary>Of those above it the one that ends first.</summary>
    public CertificateEnd FirstAbove { get; }

    /// <summary>By what it was certified.</summary>
    public string Signer { get; }

    /// <summary>Takes up what an upstream authority has certified.</summary>
    /// <param name="chain">DER: the certificate, and what leads to a root.</param>
    /// <param name="key">The key, which is the subordinate's from now on if this does not throw.</param>
    /// <param name="upstream">What has certified it.</param>
    /// <param name="now">The moment.</param>
    /// <exception cref="InvalidDataException">It is not what was asked for, or no authority; the message completes "what was certified ...".</exception>
    /// <exception cref="CryptographicException">Something is no certificate.</exception>
    public static Subordinate Read(ImmutableArray<ReadOnlyMemory<byte>> chain, ECDsa key, UpstreamState upstream, DateTimeOffset now)
    {
        if (chain.IsEmpty) throw new InvalidDataException("has no certificate");
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(chain[0].Span);
        if (!certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo())) throw new InvalidDataException("is another key than the one that was to be");
        AuthorityRules.Require(certificate);
        if (!RootsPath.TryFind(chain, upstream.Roots, now, out RootsPath? path, out string? problem)) throw new InvalidDataException($"leads to none of the roots that are to be trusted: {problem}");
        return new(new Intermediate(certificate, key, now + ((path.NotAfter - now) / 2)), chain, upstream, certificate.Subject, path);
    }

    /// <summary>The first of its certificates, or of those above, that is revoked; null: none is.</summary>
    public CertificateSerial? RevokedBy(RevokedCredentials revoked) => revoked.Find(Chain.Select(c => SvidReader.SerialOf(c)));

    /// <summary>The root that it leads to, by its <see cref="CertificateFingerprint"/>; null: to none of them.</summary>
    public string? RootAmong(ImmutableArray<ReadOnlyMemory<byte>> roots, DateTimeOffset now) => RootsPath.TryFind(Chain, roots, now, out RootsPath? path, out _) ? CertificateFingerprint.Of(path.Root) : null;

    /// <summary>
    /// Makes sure, once for each trust domain, that what it signs is taken by those who know the roots of when it was certified: nothing but a leaf shows what authorities above forbid by the length of paths and by names.
    /// </summary>
    /// <param name="leaf">DER of a leaf that it has signed.</param>
    /// <param name="trustDomain">The leaf's trust domain.</param>
    /// <param name="now">The moment.</param>
    /// <param name="problem">Why it is not taken.</param>
    public bool IsTaken(ReadOnlyMemory<byte> leaf, string trustDomain, DateTimeOffset now, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        if (_provenFor == trustDomain) return true;
        if (!RootsPath.TryFind([leaf, .. Chain], _roots, now, out _, out problem)) return false;
        _provenFor = trustDomain;
        return true;
    }

    /// <summary>Ends it; whoever signs with it just now can finish.</summary>
    public void Dispose() => Issuer.Dispose();
}
