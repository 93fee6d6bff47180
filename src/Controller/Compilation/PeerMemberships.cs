namespace Culvert.Controller.Compilation;

/// <summary>
/// Counts how many workloads each peer group means, whether nodes are told of it or not: every node would be told of each. Where all groups together mean too many, the selectors of the namespaces that mean most count for
/// nothing. A group that several namespaces name is charged to the first of them by name that counts, and is there for as long as one does. Not thread-safe.
/// </summary>
/// <param name="usersOf">The namespaces that name a group, by name.</param>
internal sealed class PeerMemberships(Func<string, IReadOnlyCollection<string>> usersOf)
{
    private readonly Dictionary<string, long> _members = new(StringComparer.Ordinal);
    private HashSet<string> _over = new(StringComparer.Ordinal);
    private long _all;

    /// <summary>Whether the selectors of a namespace count for nothing, as was decided last.</summary>
    public bool IsOver(string ns) => _over.Contains(ns);

    /// <summary>Has a group mean more workloads, or less.</summary>
    public void Change(string group, long by)
    {
        _all += by;
        long now = _members.GetValueOrDefault(group) + by;
        if (now == 0) _members.Remove(group);
        else _members[group] = now;
    }

    /// <summary>Nobody names a group any more.</summary>
    public void Forget(string group)
    {
        if (_members.Remove(group, out long members)) _all -= members;
    }

    /// <summary>Decides anew, by all that there is and nothing that was.</summary>
    /// <returns>The namespaces that have come to count for nothing, and those that count again.</returns>
    public IReadOnlyCollection<string> Decide()
    {
        if (_over.Count == 0 && _all <= NamespaceLimits.MostMemberships) return [];
        HashSet<string> over = FindOver(), changed = new(_over, StringComparer.Ordinal);
        changed.SymmetricExceptWith(over);
        _over = over;
        return changed;
    }

    private HashSet<string> FindOver()
    {
        HashSet<string> over = new(StringComparer.Ordinal);
        while (true)
        {
            Dictionary<string, long> charges = new(StringComparer.Ordinal);
            foreach ((string group, long members) in _members)
            {
                if (usersOf(group).FirstOrDefault(ns => !over.Contains(ns)) is { } charged) charges[charged] = charges.GetValueOrDefault(charged) + members;
            }
            if (charges.Values.Sum() <= NamespaceLimits.MostMemberships) return over;
            over.Add(charges.OrderByDescending(c => c.Value).ThenBy(c => c.Key, StringComparer.Ordinal).First().Key);
        }
    }
}
