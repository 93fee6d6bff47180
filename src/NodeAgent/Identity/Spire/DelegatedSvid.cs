using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.Spiffe;
using Culvert.Protocol.SpireAgentApi;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>A certificate and its key as a SPIRE agent has told them for an identity. Immutable.</summary>
/// <param name="Chain">DER, leaf first, without the root; one at least where there is no defect.</param>
/// <param name="PrivateKey">Its key, never written anywhere; null where there is a defect.</param>
/// <param name="NotBefore">Start of validity, UTC.</param>
/// <param name="NotAfter">End of validity, UTC.</param>
/// <param name="Defect">Why it can't be used, whatever the trust bundle and the time; null: nothing is wrong.</param>
internal sealed record DelegatedSvid(IReadOnlyList<byte[]> Chain, PrivateKeyBytes? PrivateKey, DateTimeOffset NotBefore, DateTimeOffset NotAfter, string? Defect)
{
    /// <summary>Those of an answer that are for an identity, in its order. Keys of others are not looked at.</summary>
    internal static IReadOnlyList<DelegatedSvid> Read(SubscribeToX509SVIDsResponse answer, SpiffeId identity) => [.. answer.X509Svids.Where(s => Names(s) == identity.ToString()).Select(Read)];

    /// <summary>All identities of an answer, as they are told.</summary>
    internal static IEnumerable<string> IdentitiesOf(SubscribeToX509SVIDsResponse answer) => answer.X509Svids.Select(Names).Distinct(StringComparer.Ordinal);

    /// <summary>Why peers would not take it now, said of the certificate; null where they would.</summary>
    /// <param name="identity">Whose it has to be.</param>
    /// <param name="bundle">The roots in force.</param>
    /// <param name="revoked">What is believed no more.</param>
    /// <param name="now">The time.</param>
    internal string? FindBroken(SpiffeId identity, TrustBundle bundle, RevokedCredentials revoked, DateTimeOffset now) => Defect ?? FindBroken(Chain, NotAfter, identity, bundle, revoked, now);

    /// <summary>Why peers would not take a certificate that has been taken before.</summary>
    /// <param name="chain">It, and those above it.</param>
    /// <param name="notAfter">Its end.</param>
    /// <param name="identity">Whose it has to be.</param>
    /// <param name="bundle">The roots in force.</param>
    /// <param name="revoked">What is believed no more.</param>
    /// <param name="now">The time.</param>
    internal static string? FindBroken(IReadOnlyList<byte[]> chain, DateTimeOffset notAfter, SpiffeId identity, TrustBundle bundle, RevokedCredentials revoked, DateTimeOffset now)
    {
        if (now >= notAfter) return $"has ended at {notAfter:u}";

        // Revoked identities are the business of policy, as where the controller gives certificates.
        IReadOnlyList<BrokenSvidRule> broken = SvidCheck.FindBroken([.. chain.Select(c => (ReadOnlyMemory<byte>)c)], bundle, new() { Serials = revoked.Serials }, identity, now);
        return broken.Count > 0 ? string.Join("; it ", broken.Select(b => b.Text)) : null;
    }

    /// <summary>Keys never reach a log.</summary>
    public override string ToString() => Defect ?? $"until {NotAfter:O}";

    private static string Names(X509SVIDWithKey svid) => svid.X509Svid?.Id is { } id ? $"{SpiffeId.SchemePrefix}{id.TrustDomain}{id.Path}" : "";

    private static DelegatedSvid Read(X509SVIDWithKey told)
    {
        IReadOnlyList<byte[]> chain = [.. told.X509Svid.CertChain.Select(c => c.ToByteArray())];
        if (chain.Count is 0 or > X509ContextReader.MostCertificates) return Defective($"comes with {chain.Count} certificates");
        try
        {
            using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(chain[0]);
            using X509Certificate2 joined = CertificateKey.Join(leaf, told.X509SvidKey.Span);
            return new(chain, new PrivateKeyBytes(told.X509SvidKey.Span), new(leaf.NotBefore.ToUniversalTime()), new(leaf.NotAfter.ToUniversalTime()), null);
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            return Defective($"is damaged: {e.Message.TrimEnd('.')}");
        }
    }

    private static DelegatedSvid Defective(string why) => new([], null, default, default, why);
}
