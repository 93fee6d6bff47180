namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Places for what waits on one loop, of which each namespace may have a part: who waits for long must not stop others. Belongs to its loop's thread.</summary>
/// <param name="most">How many there are.</param>
/// <param name="mostOfNamespace">How many a namespace may have.</param>
internal sealed class NamespacePlaces(int most, int mostOfNamespace)
{
    private readonly Dictionary<string, int> _taken = new(StringComparer.Ordinal);
    private int _all;

    /// <summary>Whether there is one for a namespace.</summary>
    internal bool HasRoom(string ns) => _all < most && _taken.GetValueOrDefault(ns) < mostOfNamespace;

    /// <summary>Takes one.</summary>
    /// <returns>False: there is none.</returns>
    internal bool TryTake(string ns)
    {
        if (!HasRoom(ns)) return false;
        Take(ns);
        return true;
    }

    /// <summary>Takes one for whom there was room when it was asked about.</summary>
    internal void Take(string ns)
    {
        _all++;
        _taken[ns] = _taken.GetValueOrDefault(ns) + 1;
    }

    /// <summary>Gives one back.</summary>
    internal void GiveBack(string ns)
    {
        _all--;
        if (--_taken[ns] == 0) _taken.Remove(ns);
    }
}
