using Culvert.Core;
using Culvert.Protocol.SpireTypes;
using Entry = Culvert.Protocol.SpireTypes.Entry;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Entries as they are sent and told. Pure.</summary>
internal static class EntryWire
{
    /// <summary>The fields that are read.</summary>
    public static EntryMask Read => new()
    {
        SpiffeId = true,
        ParentId = true,
        Selectors = true,
        X509SvidTtl = true,
        FederatesWith = true,
        Admin = true,
        Downstream = true,
        ExpiresAt = true,
        DnsNames = true,
        StoreSvid = true,
    };

    /// <summary>The fields that an update sets: all that are read but those that the ID stands for.</summary>
    public static EntryMask Update => new() { X509SvidTtl = true, FederatesWith = true, Admin = true, Downstream = true, ExpiresAt = true, DnsNames = true, StoreSvid = true };

    public static Entry ToWire(SpireEntry entry) => new()
    {
        Id = entry.Id,
        SpiffeId = IdOf(entry.Identity),
        ParentId = IdOf(entry.Parent),
        Selectors = { entry.Selectors.Select(s => new Selector { Type = s.Type, Value = s.Value }) },
        X509SvidTtl = entry.Lifetime,
        FederatesWith = { entry.FederatesWith },
        Admin = entry.IsAdmin,
        Downstream = entry.IsDownstream,
        ExpiresAt = entry.ExpiresAt,
        DnsNames = { entry.DnsNames },
        StoreSvid = entry.IsStored,
    };

    public static SpireEntry FromWire(Entry told) => new()
    {
        Id = told.Id,
        Identity = TextOf(told.SpiffeId),
        Parent = TextOf(told.ParentId),
        Selectors = InOrder(told.Selectors.Select(s => new EntrySelector(s.Type, s.Value))),
        Lifetime = told.X509SvidTtl,
        FederatesWith = InOrder(told.FederatesWith.Select(NameOf)),
        DnsNames = InOrder(told.DnsNames),
        IsAdmin = told.Admin,
        IsDownstream = told.Downstream,
        ExpiresAt = told.ExpiresAt,
        IsStored = told.StoreSvid,
    };

    /// <summary>In ordinal order, none twice: a server refuses what is there twice, and tells the rest in any order.</summary>
    public static EquatableArray<string> InOrder(IEnumerable<string> texts) => texts.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToEquatableArray();

    /// <inheritdoc cref="InOrder(IEnumerable{string})"/>
    public static EquatableArray<EntrySelector> InOrder(IEnumerable<EntrySelector> selectors) => selectors.Distinct().OrderBy(s => s.ToString(), StringComparer.Ordinal).ToEquatableArray();

    private static string NameOf(string trustDomain) => trustDomain.StartsWith(SpiffeId.SchemePrefix, StringComparison.Ordinal) ? trustDomain[SpiffeId.SchemePrefix.Length..] : trustDomain;

    private static string TextOf(SPIFFEID? id) => id is null ? "" : $"{SpiffeId.SchemePrefix}{id.TrustDomain}{id.Path}";

    private static SPIFFEID IdOf(string text)
    {
        SpiffeId id = SpiffeId.Parse(text);
        return new() { TrustDomain = id.TrustDomain, Path = id.Path };
    }
}
