using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>What an upstream authority is at a moment. Immutable.</summary>
/// <param name="Roots">DER of all roots to be trusted.</param>
/// <param name="Signer">Tells by what it certifies: with another one, what was certified before is replaced.</param>
internal sealed record UpstreamState(ImmutableArray<ReadOnlyMemory<byte>> Roots, string Signer)
{
    private const int DigitsTold = 12;

    /// <summary>The roots that another one does not have, for people: subjects, and how their fingerprints (SHA-256) begin.</summary>
    public string DescribeRootsBeside(UpstreamState other)
    {
        HashSet<string> known = [.. other.Roots.Select(CertificateFingerprint.Of)];
        string[] found = [.. Roots.Where(r => !known.Contains(CertificateFingerprint.Of(r))).Select(Describe)];
        return found.Length > 0 ? string.Join(", ", found) : "none";
    }

    /// <summary>Whether nothing is other than in another one.</summary>
    public bool IsSameAs(UpstreamState other) => Signer == other.Signer && !HasOtherRoots(other);

    /// <summary>Whether it has other roots than another one, whatever their order.</summary>
    public bool HasOtherRoots(UpstreamState other) => !CertificateFingerprint.AreSame(Roots, other.Roots);

    private static string Describe(ReadOnlyMemory<byte> root)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(root.Span);
        return $"{certificate.Subject} ({CertificateFingerprint.Of(root)[..DigitsTold]})";
    }
}
