using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Federation;

/// <summary>
/// Whether a certificate leads to one of a bundle, each of which is an anchor, self-signed or not, as everywhere else in a mesh (RFC 5280, section 6.1.1): where an authority's own certificate is below another one, a domain may tell that alone.
/// .NET takes self-signed ones alone for the end of a chain. Pure.
/// </summary>
internal static class AnchorPath
{
    // What an anchor lacks, and no other certificate may.
    private const X509ChainStatusFlags OfAnchors = X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot;

    /// <summary>Why the certificate of a server leads to none of the anchors; null: it does, and is for servers.</summary>
    /// <param name="leaf">The certificate.</param>
    /// <param name="others">What may lead on from it.</param>
    /// <param name="anchors">DER.</param>
    /// <param name="at">When all have to be valid, the anchor included.</param>
    /// <exception cref="CryptographicException">An anchor is no certificate.</exception>
    public static string? FindProblem(X509Certificate2 leaf, X509Certificate2Collection others, IReadOnlyList<ReadOnlyMemory<byte>> anchors, DateTimeOffset at)
    {
        using RootsChain chain = new(anchors, at, KeyPurposes.ServerAuthentication);
        chain.Add(others);
        chain.Build(leaf);
        if (chain.Problems.FirstOrDefault(p => p.Status == X509ChainStatusFlags.NotValidForUsage) is { Status: not X509ChainStatusFlags.NoError } usage) return RootsChain.TextOf(usage);
        foreach (X509ChainElement element in chain.Elements)
        {
            // What is above an anchor is of no account, as are its own signature and who has made it.
            bool isAnchor = anchors.Any(a => a.Span.SequenceEqual(element.Certificate.RawDataMemory.Span));
            X509ChainStatus broken = element.ChainElementStatus.FirstOrDefault(s => !isAnchor || (s.Status & ~OfAnchors) != X509ChainStatusFlags.NoError);
            if (broken.Status != X509ChainStatusFlags.NoError) return RootsChain.TextOf(broken);
            if (!isAnchor) continue;

            // Of what no self-signed one is above OpenSSL does not look at the time.
            X509Certificate2 anchor = element.Certificate;
            return at.UtcDateTime < anchor.NotBefore.ToUniversalTime() || at.UtcDateTime >= anchor.NotAfter.ToUniversalTime() ? "the root of the bundle that it leads to is not valid now" : null;
        }
        return "it leads to no root of the bundle";
    }
}
