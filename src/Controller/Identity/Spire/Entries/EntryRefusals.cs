using System.Collections.Immutable;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Entries that a server has refused, and when each is tried again. Not thread-safe.</summary>
internal sealed class EntryRefusals(SpireEntryOptions options)
{
    private readonly Dictionary<string, Refusal> _all = new(StringComparer.Ordinal);

    /// <summary>When the first of them is to be tried again; null: none is.</summary>
    public TimeSpan? Next => _all.Count == 0 ? null : _all.Values.Min(r => r.RetryAt);

    /// <summary>What is wrong, one for each kind.</summary>
    public IEnumerable<EntryTrouble> Troubles => _all.Values.GroupBy(r => r.Kind).Select(g => new EntryTrouble(g.Key, g.Count(), g.MinBy(r => r.Entry.Id, StringComparer.Ordinal)!.ToString()));

    /// <summary>Whether an entry may be tried: it was not refused as it is, or long enough ago.</summary>
    public bool MayTry(SpireEntry entry, TimeSpan now) => !_all.TryGetValue(entry.Id, out Refusal? known) || known.Entry != entry || known.RetryAt <= now;

    /// <summary>An entry was refused.</summary>
    public void Add(SpireEntry entry, EntryTroubleKind kind, string message, TimeSpan now)
    {
        int failures = (_all.TryGetValue(entry.Id, out Refusal? known) && known.Entry == entry ? known.Failures : 0) + 1;
        _all[entry.Id] = new(entry, kind, message, failures, now + options.Pause(failures));
    }

    /// <summary>What was to be done with an entry is done.</summary>
    public void Remove(string id) => _all.Remove(id);

    /// <summary>Forgets those of which nothing is wanted any more.</summary>
    public void Keep(Func<string, bool> isOfInterest)
    {
        foreach (string id in _all.Keys.Where(id => !isOfInterest(id)).ToImmutableArray()) _all.Remove(id);
    }

    private sealed record Refusal(SpireEntry Entry, EntryTroubleKind Kind, string Message, int Failures, TimeSpan RetryAt)
    {
        public override string ToString() => $"{Entry}: {Message}";
    }
}
