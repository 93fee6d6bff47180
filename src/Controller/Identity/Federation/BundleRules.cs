using System.Collections.Immutable;
using System.Security.Cryptography.X509Certificates;
using Culvert.Protocol;

namespace Culvert.Controller.Identity.Federation;

/// <summary>Which bundles of other trust domains can be in force. Pure.</summary>
internal static class BundleRules
{
    /// <summary>Why a bundle that was told is not to be believed; null: it is. Who keeps an old one back could otherwise have believed what was revoked since.</summary>
    /// <param name="told">The bundle.</param>
    /// <param name="last">What is known of its trust domain; null: nothing.</param>
    /// <param name="now">The moment.</param>
    public static string? FindDoubt(BundleDocument told, KeptBundle? last, DateTimeOffset now)
    {
        const string remedy = "where the trust domain was set up anew, bring its bundle by a file ('bundle')";
        if (last?.Floor is { } floor)
        {
            if (told.Sequence is not { } sequence) return $"it has no sequence, and the one in force {floor}; {remedy}";
            if (sequence < floor) return $"its sequence is {sequence}, and that of the one in force {floor}; {remedy}";
            if (sequence == floor && !IsSame(WithoutEnded(told, now), last with { Document = WithoutEnded(last.Document, now) })) return $"its sequence is {sequence}, as that of the one in force, and its keys are others; {remedy}";
        }
        return FindFault(told, now);
    }

    /// <summary>Why a bundle can't be in force, whoever brings it; null: it can.</summary>
    public static string? FindFault(BundleDocument bundle, DateTimeOffset now)
    {
        if (bundle.Roots.IsEmpty) return bundle.LeftOut.IsEmpty ? null : $"none of its keys for X.509-SVIDs can be used: it {bundle.LeftOut[0]}";
        ImmutableArray<ReadOnlyMemory<byte>> roots = WithoutEnded(bundle, now).Roots;
        if (roots.IsEmpty) return $"its {bundle.Roots.Length} roots have all ended; check the clocks";
        return roots.Length > BundleDocument.MostRoots || roots.Sum(r => r.Length) > BundleDocument.MostRootBytes
            ? $"it has {roots.Length} roots of {roots.Sum(r => r.Length)} bytes, and {BundleDocument.MostRoots} of {BundleDocument.MostRootBytes} are the most"
            : null;
    }

    /// <summary>A bundle without roots that have ended: a server keeps them for long, and nothing leads to them.</summary>
    public static BundleDocument WithoutEnded(BundleDocument bundle, DateTimeOffset now)
    {
        ImmutableArray<ReadOnlyMemory<byte>> valid = [.. bundle.Roots.Where(r => EndOf(r) > now)];
        return valid.Length == bundle.Roots.Length ? bundle : bundle with { Roots = valid };
    }

    // What is known may be a part, and digests of the rest, of which some have ended by now.
    private static bool IsSame(BundleDocument told, KeptBundle last)
    {
        HashSet<string> said = [.. told.Roots.Select(CertificateFingerprint.Of)], known = [.. last.Document.Roots.Select(CertificateFingerprint.Of)];
        return known.IsSubsetOf(said) && said.All(r => known.Contains(r) || last.Missing.Contains(r));
    }

    private static DateTimeOffset EndOf(ReadOnlyMemory<byte> root)
    {
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(root.Span);
        return new(certificate.NotAfter.ToUniversalTime());
    }
}
