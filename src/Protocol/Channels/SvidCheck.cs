using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;

namespace Culvert.Protocol;

/// <summary>Verifies a certificate as the peers in a mesh do, and says all that is wrong with it, where they are content with the first thing. Pure.</summary>
public static class SvidCheck
{
    /// <summary>Rule: certificates and their extensions can be read.</summary>
    public const string Encoding = "encoding";

    /// <summary>Rule: signatures lead from it to a root of the trust bundle.</summary>
    public const string Chain = "chain";

    /// <summary>Rule: all certificates of the chain are valid now.</summary>
    public const string Validity = "validity";

    /// <summary>Rule: it names the identity that it is kept for.</summary>
    public const string Identity = "identity";

    /// <summary>Rule: its identity is of the bundle's trust domain.</summary>
    public const string TrustDomain = "trust-domain";

    /// <summary>Rule: neither its identity nor one of the certificates up to the root is revoked.</summary>
    public const string Revoked = "revoked";

    /// <summary>Finds the rules that a certificate breaks: those here and those of <see cref="SvidStandard"/>.</summary>
    /// <param name="chain">DER certificates, leaf first; one at least.</param>
    /// <param name="bundle">The roots, and whose they are.</param>
    /// <param name="revoked">What is believed no more.</param>
    /// <param name="expected">Whose the certificate has to be; null: anybody's of the trust domain.</param>
    /// <param name="at">When it has to be valid.</param>
    /// <returns>The broken rules; none where peers take it.</returns>
    public static IReadOnlyList<BrokenSvidRule> FindBroken(IReadOnlyList<ReadOnlyMemory<byte>> chain, TrustBundle bundle, RevokedCredentials revoked, SpiffeId? expected, DateTimeOffset at)
    {
        ArgumentNullException.ThrowIfNull(chain);
        ArgumentNullException.ThrowIfNull(bundle);
        ArgumentNullException.ThrowIfNull(revoked);
        try
        {
            using X509Certificate2 leaf = X509CertificateLoader.LoadCertificate(chain[0].Span);
            List<BrokenSvidRule> broken = FindBrokenOfChain(leaf, chain, bundle, at);
            broken.AddRange(SvidStandard.FindBroken(SvidReader.ReadClaims(leaf), out SpiffeId? id));
            if (revoked.Find(chain.Select(c => SvidReader.SerialOf(c))) is { } serial) broken.Add(new(Revoked, $"leads over certificate {serial}, which is revoked"));
            if (id is null) return broken;
            if (revoked.Contains(id)) broken.Add(new(Revoked, $"is of {id}, which is revoked"));
            if (expected is not null && id != expected) broken.Add(new(Identity, $"names {id}, and is kept for {expected}"));
            if (!bundle.Roots.IsEmpty && id.TrustDomain != bundle.TrustDomain) broken.Add(new(TrustDomain, $"is of the trust domain {id.TrustDomain}, and the trust bundle of {bundle.TrustDomain}"));
            return broken;
        }
        catch (CryptographicException e)
        {
            return [new(Encoding, $"can't be read: {e.Message.TrimEnd('.')}")];
        }
    }

    private static List<BrokenSvidRule> FindBrokenOfChain(X509Certificate2 leaf, IReadOnlyList<ReadOnlyMemory<byte>> certificates, TrustBundle bundle, DateTimeOffset at)
    {
        List<BrokenSvidRule> broken = [];

        // Dates are a rule of their own: who is late still wants to know whether the rest is right.
        using RootsChain chain = new(bundle.Roots, at) { IgnoresDates = true };
        chain.Add(certificates.Skip(1));
        if (bundle.Roots.IsEmpty) broken.Add(new(Chain, "leads nowhere: there is no trust bundle"));
        else if (!chain.Build(leaf)) broken.Add(new(Chain, $"does not lead to a root of the trust bundle: {Describe(chain)}"));
        if (chain.Elements.Count == 0) AddDates(broken, leaf, "", at);
        foreach ((int i, X509ChainElement element) in chain.Elements.Index()) AddDates(broken, element.Certificate, i == 0 ? "" : $"is below {element.Certificate.Subject}, which ", at);
        return broken;
    }

    private static void AddDates(List<BrokenSvidRule> broken, X509Certificate2 certificate, string before, DateTimeOffset at)
    {
        DateTimeOffset from = new(certificate.NotBefore), until = new(certificate.NotAfter);
        if (at < from) broken.Add(new(Validity, Text($"{before}is not valid before {from.ToUniversalTime():u}")));
        if (at > until) broken.Add(new(Validity, Text($"{before}has ended at {until.ToUniversalTime():u}")));
    }

    private static string Describe(RootsChain chain) => string.Join("; ", chain.Problems.Where(p => p.Status != X509ChainStatusFlags.NotTimeValid).Select(RootsChain.TextOf).Distinct(StringComparer.Ordinal));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
