namespace Culvert.Core;

/// <summary>All ports, cut into ranges of which no policy tells two ports apart.</summary>
internal sealed class PortRanges
{
    private PortRanges(IReadOnlyList<(ushort First, ushort Last)> all)
    {
        All = all;
        for (int i = 1; i < all.Count; i++)
        {
            if (all[i].Last - all[i].First > all[Widest].Last - all[Widest].First) Widest = i;
        }
    }

    /// <summary>The ranges, in order; they hold every port once.</summary>
    public IReadOnlyList<(ushort First, ushort Last)> All { get; }

    /// <summary>Index of the one with the most ports: the entry for every port is made for it.</summary>
    public int Widest { get; }

    /// <summary>Cuts at the ends of ranges that policies name.</summary>
    public static PortRanges Cut(IEnumerable<(ushort First, ushort Last)> named)
    {
        var starts = new SortedSet<int> { 0 };
        foreach ((ushort first, ushort last) in named)
        {
            starts.Add(first);
            if (last < ushort.MaxValue) starts.Add(last + 1);
        }
        int[] all = [.. starts];
        return new([.. all.Select((start, i) => ((ushort)start, (ushort)(i + 1 < all.Length ? all[i + 1] - 1 : ushort.MaxValue)))]);
    }
}
