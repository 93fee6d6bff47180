using System.Security.Cryptography;
using System.Text;
using Culvert.Core;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>An entry of a SPIRE server: processes below a parent that have all selectors get an identity. Of what an entry has this is what the controller sets. Immutable; compared by content.</summary>
internal sealed record SpireEntry
{
    // 128 bits: nobody gains by two that are the same.
    private const int HashLength = 32;

    public required string Id { get; init; }

    /// <summary>The identity, as <c>spiffe://…</c>; at a server it may be anything.</summary>
    public required string Identity { get; init; }

    /// <summary>The agent's identity, as <c>spiffe://…</c>.</summary>
    public required string Parent { get; init; }

    /// <summary>In ordinal order of their texts, none twice.</summary>
    public EquatableArray<EntrySelector> Selectors { get; init; }

    /// <summary>Seconds; 0: the server's default.</summary>
    public int Lifetime { get; init; }

    /// <summary>Trust domains, in ordinal order, none twice.</summary>
    public EquatableArray<string> FederatesWith { get; init; }

    /// <summary>In ordinal order, none twice.</summary>
    public EquatableArray<string> DnsNames { get; init; }

    /// <summary>Whether it may do all at the server; never here.</summary>
    public bool IsAdmin { get; init; }

    /// <summary>Whether it may have an authority of its own; never here.</summary>
    public bool IsDownstream { get; init; }

    /// <summary>Whether agents store it elsewhere; never here.</summary>
    public bool IsStored { get; init; }

    /// <summary>Unix seconds; 0, as always here: it does not end.</summary>
    public long ExpiresAt { get; init; }

    /// <summary>The ID of what a server takes for one entry: the same identity, parent and selectors. So an update never changes these, which would make two that are the same.</summary>
    /// <param name="prefix">Whose it is.</param>
    /// <param name="identity">The identity.</param>
    /// <param name="parent">The parent.</param>
    /// <param name="selectors">In order.</param>
    public static string IdOf(string prefix, string identity, string parent, EquatableArray<EntrySelector> selectors)
    {
        string text = string.Join('\n', [identity, parent, .. selectors.Select(s => s.ToString())]);
        return prefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..HashLength];
    }

    /// <summary>Whether a server would take both for one.</summary>
    public bool IsSimilarTo(SpireEntry other) => Identity == other.Identity && Parent == other.Parent && Selectors == other.Selectors;

    /// <summary>As messages say it.</summary>
    public override string ToString() => $"{Identity} below {Parent}";
}
