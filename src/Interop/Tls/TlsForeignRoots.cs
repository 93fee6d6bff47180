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

    /// <summary>Sets all domains.</summary>
    /// <param name="domains">Roots in DER, by what the URI names of their domain begin with up to the path, such as <c>spiffe://example.org</c>. None: names of the domain are refused.</param>
    /// <exception cref="TlsException">A root can't be read; what was set before stays.</exception>
    public void Set(IReadOnlyDictionary<string, IReadOnlyList<ReadOnlyMemory<byte>>> domains)
    {
        ArgumentNullException.ThrowIfNull(domains);
        OpenSsl.ERR_clear_error();

        // The stacks of before are freed when no handshake uses them any more.
        _domains = domains.ToFrozenDictionary(d => d.Key, d => new Domain(CertificateStackHandle.Create(d.Value), d.Value.Select(r => TlsAnchor.Of(r.Span)).ToFrozenSet()), StringComparer.Ordinal);
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

    private sealed record Domain(CertificateStackHandle Roots, FrozenSet<TlsAnchor> Anchors);
}
