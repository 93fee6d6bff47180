using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Identity;

/// <summary>The path from a certificate to a root (RFC 5280, section 6). Immutable.</summary>
/// <param name="Root">The root, in DER.</param>
/// <param name="NotAfter">Until when all of it is valid, the root included.</param>
/// <param name="FirstAbove">Of those above the first certificate, the root included, the one that ends first; the certificate itself, where it is the root.</param>
internal sealed record RootsPath(ReadOnlyMemory<byte> Root, DateTimeOffset NotAfter, CertificateEnd FirstAbove)
{
    /// <summary>Finds the path of a chain.</summary>
    /// <param name="chain">DER: the certificate, and others that may lead on.</param>
    /// <param name="roots">DER of the roots.</param>
    /// <param name="at">When all have to be valid.</param>
    /// <param name="path">The path, if there is one.</param>
    /// <param name="problem">Why there is none.</param>
    /// <exception cref="CryptographicException">Something is no certificate.</exception>
    public static bool TryFind(ImmutableArray<ReadOnlyMemory<byte>> chain, ImmutableArray<ReadOnlyMemory<byte>> roots, DateTimeOffset at, [NotNullWhen(true)] out RootsPath? path, [NotNullWhen(false)] out string? problem)
    {
        (path, problem) = (null, null);
        using RootsChain building = new(roots, at);
        building.Add(chain.Skip(1));
        using X509Certificate2 first = X509CertificateLoader.LoadCertificate(chain[0].Span);
        if (!building.Build(first))
        {
            problem = Describe(building);
            return false;
        }
        X509Certificate2[] found = [.. building.Elements.Select(e => e.Certificate)];
        CertificateEnd above = found.Skip(found.Length > 1 ? 1 : 0).Select(CertificateEnd.Of).MinBy(e => e.NotAfter)!;
        path = new(found[^1].RawDataMemory, found.Min(c => CertificateEnd.Of(c).NotAfter), above);
        return true;
    }

    /// <summary>What is wrong, and with which of the certificates above the first, whose name may be another one each time.</summary>
    private static string Describe(RootsChain chain)
    {
        string[] problems = [.. chain.Elements.SelectMany((e, i) => e.ChainElementStatus.Select(s => i == 0 ? RootsChain.TextOf(s) : $"{RootsChain.TextOf(s)} ({e.Certificate.Subject})"))];
        return string.Join(", ", problems.Length > 0 ? problems : chain.Problems.Select(RootsChain.TextOf).Distinct(StringComparer.Ordinal));
    }
}
