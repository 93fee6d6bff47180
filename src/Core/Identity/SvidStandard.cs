using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>What a certificate has to say of itself in order to prove a workload's identity (X509-SVID standard, sections 2, 4 and 5); its chain and dates are another matter. Pure.</summary>
public static class SvidStandard
{
    /// <summary>Rule: one URI name, which is a SPIFFE ID.</summary>
    public const string UriName = "uri-name";

    /// <summary>Rule: the SPIFFE ID has a path, and so names more than a trust domain.</summary>
    public const string Path = "path";

    /// <summary>Rule: it is no authority's.</summary>
    public const string BasicConstraints = "basic-constraints";

    /// <summary>Rule: its key is for signatures, and for none of certificates or revocations.</summary>
    public const string KeyUsage = "key-usage";

    /// <summary>Rule: where it says what it is for, that is servers and clients.</summary>
    public const string ExtendedKeyUsage = "extended-key-usage";

    /// <summary>The identity of a certificate that breaks no rule.</summary>
    /// <param name="claims">What it says.</param>
    /// <param name="id">The identity.</param>
    /// <param name="broken">The first rule that it breaks.</param>
    /// <returns>False where it breaks one.</returns>
    public static bool TryRead(SvidClaims claims, [NotNullWhen(true)] out SpiffeId? id, [NotNullWhen(false)] out BrokenSvidRule? broken)
    {
        IReadOnlyList<BrokenSvidRule> all = FindBroken(claims, out SpiffeId? named);
        if (all.Count > 0)
        {
            (id, broken) = (null, all[0]);
            return false;
        }

        // One that names no identity breaks a rule.
        (id, broken) = (named!, null);
        return true;
    }

    /// <summary>All rules that a certificate breaks.</summary>
    /// <param name="claims">What it says.</param>
    /// <param name="id">The SPIFFE ID that it names, if it names one; of a certificate that breaks a rule it proves nothing.</param>
    public static IReadOnlyList<BrokenSvidRule> FindBroken(SvidClaims claims, out SpiffeId? id)
    {
        ArgumentNullException.ThrowIfNull(claims);
        id = null;
        List<BrokenSvidRule> broken = [];
        if (claims.Uris.Count != 1) broken.Add(new(UriName, $"has {claims.Uris.Count} URI names, a SPIFFE certificate has one"));
        else if (!SpiffeId.TryParse(claims.Uris[0], out id, out string? error)) broken.Add(new(UriName, $"has a URI name that is no SPIFFE ID: {error}"));
        // Who has the key of an authority could be anybody, and so proves nobody.
        if (claims.IsAuthority) broken.Add(new(BasicConstraints, "is an authority's, which proves no workload"));
        if (claims.SignsCertificates) broken.Add(new(KeyUsage, "has a key that may sign certificates or revocations, which no workload's may"));
        if (!claims.IsForSignatures) broken.Add(new(KeyUsage, "does not say that its key is for signatures (keyUsage)"));
        if (claims.LacksPurpose) broken.Add(new(ExtendedKeyUsage, "is not for both servers and clients (extKeyUsage)"));
        if (id is { Path.Length: 0 }) broken.Add(new(Path, $"names the trust domain {id}, and no workload of it"));
        return broken;
    }
}
