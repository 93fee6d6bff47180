namespace Culvert.Controller.Store;

/// <summary>How many there are of each thing that somebody may ask for. Not thread-safe.</summary>
internal sealed class Tally<T>
    where T : notnull
{
    private readonly Dictionary<T, int> _counts = [];

    /// <summary>Whether there is one.</summary>
    public bool Has(T what) => _counts.ContainsKey(what);

    /// <summary>Counts some more, or fewer; true when there was none before, or is none now.</summary>
    public bool Count(T what, int by)
    {
        int before = _counts.GetValueOrDefault(what), after = before + by;
        if (after == 0) _counts.Remove(what);
        else _counts[what] = after;
        return (before == 0) != (after == 0);
    }

    /// <summary>Counts from nothing again.</summary>
    public void Forget(T what) => _counts.Remove(what);
}
