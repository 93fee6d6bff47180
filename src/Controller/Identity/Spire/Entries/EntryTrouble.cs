namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Why some entries are not as they should be.</summary>
/// <param name="Kind">Why.</param>
/// <param name="Count">How many.</param>
/// <param name="Example">One of them, and what is wrong with it.</param>
internal sealed record EntryTrouble(EntryTroubleKind Kind, int Count, string Example)
{
    /// <summary>What to do.</summary>
    public string Remedy => Kind switch
    {
        EntryTroubleKind.Parent => "check --spire-entry-parent; the Node object has to be there, with metadata.uid where the template names {node.uid}",
        EntryTroubleKind.DnsName => "check --spire-entry-dns-name; such entries are made without the name",
        EntryTroubleKind.Selectors => "divide what stands for namespace and service account in --spire-entry-selector by a character that names don't have, as ':'",
        EntryTroubleKind.Invalid => "check --spire-entry-parent, --spire-entry-selector and --spire-entry-dns-name",
        EntryTroubleKind.Bundle => "have the server get the bundle (spire-server federation create, or bundle set), or take the trust domain out of --spire-entry-federates-with",
        EntryTroubleKind.Exists => "see by spire-server entry show what is there by that ID",
        _ => "see the server's log",
    };
}
