using System.Collections.Immutable;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Which entries there should be. Immutable.</summary>
internal sealed record EntryPlan
{
    /// <summary>By ID.</summary>
    public required ImmutableDictionary<string, SpireEntry> Entries { get; init; }

    /// <summary>Identities of which an entry can't be made: what there is of them stays, so that a mistake in an option takes nobody's identity.</summary>
    public required ImmutableHashSet<string> Blocked { get; init; }

    /// <summary>Identities that are revoked, whose entries go at once.</summary>
    public required ImmutableHashSet<string> Revoked { get; init; }

    /// <summary>What is wrong, one for each kind.</summary>
    public required ImmutableArray<EntryTrouble> Troubles { get; init; }
}
