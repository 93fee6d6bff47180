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
        using X509Chain chain = new() { ChainPolicy = RootsPolicy.Create(bundle.Roots, at) };

        // Dates are a rule of their own: who is late still wants to know whether the rest is right.
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        try
        {
            foreach (ReadOnlyMemory<byte> certificate in certificates.Skip(1)) chain.ChainPolicy.ExtraStore.Add(X509CertificateLoader.LoadCertificate(certificate.Span));
            if (bundle.Roots.IsEmpty) broken.Add(new(Chain, "leads nowhere: there is no trust bundle"));
            else if (!chain.Build(leaf)) broken.Add(new(Chain, $"does not lead to a root of the trust bundle: {Describe(chain)}"));
            if (chain.ChainElements.Count == 0) AddDates(broken, leaf, "", at);
            for (int i = 0; i < chain.ChainElements.Count; i++)
            {
                X509Certificate2 element = chain.ChainElements[i].Certificate;
                AddDates(broken, element, i == 0 ? "" : $"is below {element.Subject}, which ", at);
            }
            return broken;
        }
        finally
        {
            IEnumerable<X509Certificate2> held = [.. chain.ChainPolicy.CustomTrustStore, .. chain.ChainPolicy.ExtraStore, .. chain.ChainElements.Select(e => e.Certificate)];
            foreach (X509Certificate2 certificate in held) certificate.Dispose();
        }
    }

    private static void AddDates(List<BrokenSvidRule> broken, X509Certificate2 certificate, string before, DateTimeOffset at)
    {
        DateTimeOffset from = new(certificate.NotBefore), until = new(certificate.NotAfter);
        if (at < from) broken.Add(new(Validity, Text($"{before}is not valid before {from.ToUniversalTime():u}")));
        if (at > until) broken.Add(new(Validity, Text($"{before}has ended at {until.ToUniversalTime():u}")));
    }

    private static string Describe(X509Chain chain) => string.Join("; ", chain.ChainStatus.Where(s => s.Status != X509ChainStatusFlags.NotTimeValid).Select(s => s.StatusInformation.Trim().TrimEnd('.')).Distinct(StringComparer.Ordinal));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
