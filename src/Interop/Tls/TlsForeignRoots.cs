using System.Collections.Frozen;
using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>
/// Roots of other domains than a context's own, each good for names of its domain only: a peer whose one URI name is of such a domain is verified with that domain's roots and no others, everybody else with the trust bundle.
/// They are not put into one store: OpenSSL takes the first root there that has the right name and key, so a domain could name a root like another's, and that domain's peers would be found to lead to it.
/// </summary>
/// <remarks>Thread-safe. What is set counts for all handshakes that have not verified their peer yet, of all contexts that have this object.</remarks>
public sealed unsafe class TlsForeignRoots
{
    private const int SchemeSlashes = 3;

    // Whose handshake this thread goes on with: OpenSSL verifies within that call.
    [ThreadStatic]
    private static TlsForeignRoots? _verifying;

    private volatile FrozenDictionary<string, Domain> _domains = FrozenDictionary<string, Domain>.Empty;

    /// <summary>Sets all domains, each for itself: one that can't be read has no roots, and keeps none of before, whatever becomes of the others.</summary>
    /// <param name="domains">Roots in DER, by what the URI names of their domain begin with up to the path, such as <c>spiffe://example.org</c>. None: names of the domain are refused.</param>
    /// <returns>By domain, why its roots can't be read; of those that were set before as well.</returns>
    public IReadOnlyDictionary<string, string> Set(IReadOnlyDictionary<string, IReadOnlyList<ReadOnlyMemory<byte>>> domains)
    {
        ArgumentNullException.ThrowIfNull(domains);
        FrozenDictionary<string, Domain> before = _domains;

        // The stacks of before are freed when no handshake uses them any more.
        _domains = domains.ToFrozenDictionary(d => d.Key, d => before.TryGetValue(d.Key, out Domain? known) && known.IsMadeOf(d.Value) ? known : Domain.Make(d.Value), StringComparer.Ordinal);
        return _domains.Where(d => d.Value.Failure is not null).ToDictionary(d => d.Key, d => d.Value.Failure!, StringComparer.Ordinal);
    }

    /// <summary>Whether a certificate is a root of a domain.</summary>
    /// <param name="domain">As in <see cref="Set"/>.</param>
    /// <param name="anchor">The certificate.</param>
    public bool Trusts(string domain, TlsAnchor anchor) => _domains.TryGetValue(domain, out Domain? known) && known.Anchors.Contains(anchor);

    /// <summary>A handshake goes on, on this thread.</summary>
    /// <param name="roots">What its context has; null: the trust bundle alone.</param>
    internal static void Begin(TlsForeignRoots? roots) => _verifying = roots;

    /// <summary>It does not any more.</summary>
    internal static void End() => _verifying = null;

    /// <summary>Called by OpenSSL in place of its own verification, which it ends in (SSL_CTX_set_cert_verify_callback). The purpose, the time and all else are set already.</summary>
    [UnmanagedCallersOnly]
    internal static int Verify(nint verification, void* argument)
    {
        try
        {
            FrozenDictionary<string, Domain> domains = _verifying?._domains ?? FrozenDictionary<string, Domain>.Empty;
            int result = domains.Count > 0 && DomainOf(verification) is { } name && domains.TryGetValue(name, out Domain? domain) ? VerifyWith(domain.Roots, verification) : OpenSsl.X509_verify_cert(verification);

            // Less than 0 would mean something else here.
            return result > 0 ? 1 : 0;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Nothing may be thrown through OpenSSL; 0 refuses the peer.
            return 0;
        }
    }

    private static int VerifyWith(CertificateStackHandle roots, nint verification)
    {
        bool isHeld = false;
        roots.DangerousAddRef(ref isHeld);
        try
        {
            // In place of the store, partial chains included; what is found has references of its own.
            OpenSsl.X509_STORE_CTX_set0_trusted_stack(verification, roots.DangerousGetHandle());
            return OpenSsl.X509_verify_cert(verification);
        }
        finally
        {
            roots.DangerousRelease();
        }
    }

    // Of a certificate with none or several names there is no telling whose it is; it is the trust bundle's to refuse, or the caller's.
    private static string? DomainOf(nint verification)
    {
        nint leaf = OpenSsl.X509_STORE_CTX_get0_cert(verification);
        if (leaf == 0 || TlsPeerReader.ReadUris(leaf) is not [var uri]) return null;
        int at = -1;
        for (int slash = 0; slash < SchemeSlashes; slash++)
        {
            at = uri.IndexOf('/', at + 1);
            if (at < 0) return null;
        }

        return uri[..at];
    }

    /// <summary>What is known of a domain. Immutable.</summary>
    /// <param name="Roots">Its roots.</param>
    /// <param name="Anchors">The same.</param>
    /// <param name="Source">What they were made of.</param>
    /// <param name="Failure">Why there are none; null: they could be read.</param>
    private sealed record Domain(CertificateStackHandle Roots, FrozenSet<TlsAnchor> Anchors, ReadOnlyMemory<byte>[] Source, string? Failure)
    {
        internal static Domain Make(IReadOnlyList<ReadOnlyMemory<byte>> roots)
        {
            OpenSsl.ForgetErrors();
            try
            {
                return new(CertificateStackHandle.Create(roots), roots.Select(r => TlsAnchor.Of(r.Span)).ToFrozenSet(), [.. roots], null);
            }
            catch (TlsException e)
            {
                return new(CertificateStackHandle.Create([]), FrozenSet<TlsAnchor>.Empty, [.. roots], e.Message);
            }
        }

        internal bool IsMadeOf(IReadOnlyList<ReadOnlyMemory<byte>> roots) => Source.Length == roots.Count && Source.Zip(roots).All(p => p.First.Span.SequenceEqual(p.Second.Span));
    }
}
