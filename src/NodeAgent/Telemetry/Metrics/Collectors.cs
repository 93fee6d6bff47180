using Prom = Prometheus;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>
/// The collectors of one family in prometheus-net: one for each set of labels that its series have. Empty owner labels are left out, and all series of a collector have the same label names.
/// Not thread-safe: its family calls it under a lock.
/// </summary>
internal sealed class Collectors<TChild>
    where TChild : Prom.ChildBase
{
    private readonly string[] _names;
    private readonly int[] _owners;
    private readonly Func<string[], Prom.Collector<TChild>> _make;
    private readonly Dictionary<int, Prom.Collector<TChild>> _collectors = [];

    /// <param name="names">The names of all labels.</param>
    /// <param name="make">Makes a collector for some of them.</param>
    internal Collectors(string[] names, Func<string[], Prom.Collector<TChild>> make)
    {
        (_names, _make) = (names, make);
        _owners = [.. Enumerable.Range(0, names.Length).Where(i => OwnerLabels.Has(names[i]))];

        // Made at once: a family without series has a header, too.
        _ = CollectorOf(0);
    }

    /// <summary>The child for these label values, which are all that the family has.</summary>
    internal TChild ChildOf(string[] labels)
    {
        int present = 0;
        for (int i = 0; i < _owners.Length; i++)
        {
            if (labels[_owners[i]].Length > 0) present |= 1 << i;
        }

        return CollectorOf(present).WithLabels(Present(labels, present));
    }

    private Prom.Collector<TChild> CollectorOf(int present)
    {
        if (!_collectors.TryGetValue(present, out Prom.Collector<TChild>? collector)) _collectors.Add(present, collector = _make(Present(_names, present)));
        return collector;
    }

    // All but the owner labels that are not there.
    private string[] Present(string[] all, int present) => [.. all.Where((_, i) => Array.IndexOf(_owners, i) is var owner && (owner < 0 || (present & (1 << owner)) != 0))];
}
