namespace Culvert.Controller.Compilation;

/// <summary>
/// Shares out something that there is a certain amount of for the whole mesh. Where all namespaces together ask for more, those that ask for most have nothing of it until the rest of them can have what they ask for,
/// so that whoever may write the objects of one is in nobody else's way. Not thread-safe.
/// </summary>
/// <param name="mostOfOne">Most that a namespace may ask for.</param>
/// <param name="mostOfAll">How much there is.</param>
internal sealed class NamespaceShares(long mostOfOne, long mostOfAll)
{
    private readonly Dictionary<string, long> _asked = new(StringComparer.Ordinal);
    private readonly SortedSet<(long Asked, string Namespace)> _mostFirst = new(Comparer<(long Asked, string Namespace)>.Create(
        static (a, b) => a.Asked != b.Asked ? b.Asked.CompareTo(a.Asked) : string.CompareOrdinal(a.Namespace, b.Namespace)));

    private HashSet<string> _over = new(StringComparer.Ordinal);
    private long _all;

    /// <summary>The namespaces that ask for too much, by name.</summary>
    public IEnumerable<string> Over => _over.Order(StringComparer.Ordinal);

    /// <summary>Whether a namespace asks for too much.</summary>
    public bool IsOver(string ns) => _over.Contains(ns);

    /// <summary>Has a namespace ask for more, or less.</summary>
    /// <returns>The namespaces that have come to be over by it, and those that no longer are.</returns>
    public IReadOnlyCollection<string> Change(string ns, long by)
    {
        if (by == 0) return [];
        long before = _asked.GetValueOrDefault(ns), now = before + by;
        _all += by;
        if (before > 0) _mostFirst.Remove((before, ns));
        if (now == 0)
        {
            _asked.Remove(ns);
        }
        else
        {
            _asked[ns] = now;
            _mostFirst.Add((now, ns));
        }
        if (_over.Count == 0 && now <= mostOfOne && _all <= mostOfAll) return [];
        HashSet<string> over = FindOver(), others = new(_over, StringComparer.Ordinal);
        others.SymmetricExceptWith(over);
        _over = over;
        return others;
    }

    private HashSet<string> FindOver()
    {
        HashSet<string> over = new(StringComparer.Ordinal);
        long rest = _all;
        foreach ((long asked, string ns) in _mostFirst)
        {
            if (asked <= mostOfOne && rest <= mostOfAll) break;
            over.Add(ns);
            rest -= asked;
        }
        return over;
    }
}
