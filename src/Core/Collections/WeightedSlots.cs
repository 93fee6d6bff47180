namespace Culvert.Core;

/// <summary>Spreads weights over a small number of equal slots, so that the kernel can choose with one random number. Pure.</summary>
public static class WeightedSlots
{
    /// <summary>
    /// Returns, for each slot, the index of its owner. Exact when the weights divided by their greatest common divisor fit
    /// into <paramref name="maxSlots"/>; otherwise by largest remainder, and every owner with a weight above 0 keeps at least one slot
    /// as long as there are slots enough.
    /// </summary>
    public static int[] Spread(ReadOnlySpan<ushort> weights, int maxSlots)
    {
        (long total, long divisor, int owners) = Measure(weights);
        if (total == 0) return [];
        int slots = CountOf(total, divisor, maxSlots);
        return slots == total / divisor ? Fill(weights, w => (int)(w / divisor), slots) : FillByRemainder(weights, total, maxSlots, owners);
    }

    /// <summary>How many slots <see cref="Spread"/> returns.</summary>
    public static int Count(ReadOnlySpan<ushort> weights, int maxSlots)
    {
        (long total, long divisor, _) = Measure(weights);
        return total == 0 ? 0 : CountOf(total, divisor, maxSlots);
    }

    /// <summary>Whether <see cref="Spread"/> gives every owner exactly the share that its weight says.</summary>
    public static bool IsExact(ReadOnlySpan<ushort> weights, int maxSlots)
    {
        (long total, long divisor, _) = Measure(weights);
        return total == 0 || total / divisor <= maxSlots;
    }

    private static int CountOf(long total, long divisor, int maxSlots) => (int)Math.Min(total / divisor, maxSlots);

    private static (long Total, long Divisor, int Owners) Measure(ReadOnlySpan<ushort> weights)
    {
        long total = 0, divisor = 0;
        int owners = 0;
        foreach (ushort weight in weights)
        {
            total += weight;
            if (weight > 0) owners++;
            divisor = GreatestCommonDivisor(divisor, weight);
        }
        return (total, divisor, owners);
    }

    private static int[] Fill(ReadOnlySpan<ushort> weights, Func<ushort, int> share, int slots)
    {
        int[] owner = new int[slots];
        int next = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            for (int n = share(weights[i]); n > 0; n--) owner[next++] = i;
        }
        return owner;
    }

    private static int[] FillByRemainder(ReadOnlySpan<ushort> weights, long total, int slots, int owners)
    {
        int[] shares = new int[weights.Length];
        List<(double Remainder, int Index)> remainders = [];
        int guaranteed = owners <= slots ? 1 : 0;
        int used = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0) continue;
            double exact = (double)weights[i] * slots / total;
            shares[i] = Math.Max(guaranteed, (int)exact);
            used += shares[i];
            remainders.Add((exact - shares[i], i));
        }
        remainders.Sort((a, b) => b.Remainder.CompareTo(a.Remainder));
        for (int r = 0; used < slots; r = (r + 1) % remainders.Count, used++) shares[remainders[r].Index]++;
        // The guarantee of one slot each may have taken too many: the largest give them back.
        for (; used > slots; used--) shares[Array.IndexOf(shares, shares.Max())]--;
        int[] owner = new int[slots];
        int next = 0;
        for (int i = 0; i < shares.Length; i++)
        {
            for (int n = 0; n < shares[i]; n++) owner[next++] = i;
        }
        return owner;
    }

    private static long GreatestCommonDivisor(long a, long b)
    {
        while (b != 0) (a, b) = (b, a % b);
        return a;
    }
}
