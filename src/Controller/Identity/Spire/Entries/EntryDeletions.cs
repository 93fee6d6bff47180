using System.Collections.Immutable;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>Decides which entries that nobody wants any more are to go, and when. Not thread-safe.</summary>
internal sealed class EntryDeletions(SpireEntryOptions options, ILogger logger)
{
    private readonly Dictionary<string, TimeSpan> _since = new(StringComparer.Ordinal);
    private bool _isSaid;

    /// <summary>When the next are to be looked at again; null: there are none.</summary>
    public TimeSpan? Next { get; private set; }

    /// <summary>The IDs of those that are to go now.</summary>
    /// <param name="own">The entries that the server has of this mesh.</param>
    /// <param name="plan">Those that there should be.</param>
    /// <param name="isMissing">Whether something of an identity is not there that should be: nothing goes before what takes its place has come.</param>
    /// <param name="now">The time.</param>
    public ImmutableArray<string> Due(IReadOnlyDictionary<string, SpireEntry> own, EntryPlan plan, Func<string, bool> isMissing, TimeSpan now)
    {
        List<string> revoked = [];
        HashSet<string> waiting = new(StringComparer.Ordinal);
        foreach ((string id, SpireEntry entry) in own)
        {
            if (plan.Entries.ContainsKey(id)) continue;
            if (plan.Revoked.Contains(entry.Identity)) revoked.Add(id);
            else if (!plan.Blocked.Contains(entry.Identity) && !isMissing(entry.Identity)) waiting.Add(id);
        }
        foreach (string id in _since.Keys.Where(id => !waiting.Contains(id)).ToImmutableArray()) _since.Remove(id);
        foreach (string id in waiting) _since.TryAdd(id, now);
        bool isMass = _since.Count > Math.Max(options.FewDeletions, own.Count / 2);
        TimeSpan linger = isMass ? options.MassLinger : options.Linger;
        ImmutableArray<string> due = [.. revoked, .. _since.Where(s => s.Value + linger <= now).Select(s => s.Key)];
        if (isMass && !_isSaid && due.Length - revoked.Count < _since.Count) EntryLog.NotDeletedYet(logger, _since.Count, own.Count, linger.TotalSeconds);
        _isSaid = isMass;
        Next = due.Length - revoked.Count == _since.Count ? null : _since.Where(s => s.Value + linger > now).Min(s => s.Value) + linger;
        return due;
    }
}
