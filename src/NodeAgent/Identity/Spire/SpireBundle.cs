using System.Collections.Immutable;
using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.Spiffe;
using Culvert.Protocol.SpireAgentApi;
using Google.Protobuf;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>Reads the bundles that a SPIRE agent tells. Those of other trust domains than the mesh's are looked at only where the mesh is federated with them: a SPIRE agent knows all that any of its entries is. Pure.</summary>
internal static class SpireBundle
{
    // Authorities that have ended stay in it for long: with a life of minutes, many.
    private const int MostRoots = 4096;

    /// <summary>The bundle of a trust domain, without roots that have ended; empty where the agent says that it has none. Null: the agent does not know the trust domain.</summary>
    /// <param name="told">The answer.</param>
    /// <param name="trustDomain">Whose roots are wanted.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="InvalidDataException">What it says is no bundle.</exception>
    internal static TrustBundle? Read(SubscribeToX509BundlesResponse told, string trustDomain, DateTimeOffset now)
    {
        if (!told.CaCertificates.TryGetValue(SpiffeId.SchemePrefix + trustDomain, out ByteString? certificates) && !told.CaCertificates.TryGetValue(trustDomain, out certificates)) return null;
        try
        {
            ImmutableArray<ReadOnlyMemory<byte>> all = X509ContextReader.Split(certificates.ToByteArray(), MostRoots);
            ImmutableArray<ReadOnlyMemory<byte>> roots = [.. all.Where(r => EndOf(r) > now)];
            if (roots.IsEmpty && !all.IsEmpty) throw new InvalidDataException($"its {all.Length} roots have all ended; check the clock");
            return new TrustBundle(trustDomain, roots);
        }
        catch (Exception e) when (e is AsnContentException or CryptographicException)
        {
            throw new InvalidDataException($"it is damaged: {e.Message.TrimEnd('.')}", e);
        }
    }

    /// <summary>The trust domains of an answer, for people.</summary>
    internal static string Names(SubscribeToX509BundlesResponse told) =>
        told.CaCertificates.Count == 0 ? "none" : string.Join(", ", told.CaCertificates.Keys.Select(k => k.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal) ? k[SpiffeId.SchemePrefix.Length..] : k).Order(StringComparer.Ordinal));

    /// <summary>Whether two have the same roots, in whatever order.</summary>
    internal static bool HasSameRoots(TrustBundle one, TrustBundle other) => one.TrustDomain == other.TrustDomain && CertificateFingerprint.AreSame(one.Roots, other.Roots);

    private static DateTimeOffset EndOf(ReadOnlyMemory<byte> der)
    {
        using X509Certificate2 root = X509CertificateLoader.LoadCertificate(der.Span);
        return new(root.NotAfter.ToUniversalTime());
    }
}
