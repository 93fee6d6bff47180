using Culvert.Core;

namespace Culvert.NodeAgent.Mesh;

/// <summary>An order in which backends take turns. Pure.</summary>
internal static class WeightedTurns
{
    // As fine as the kernel's shares: weights of 1 to 255 are exact for two backends.
    private const int MostTurns = 256;

    /// <summary>Returns whose turn it is, by index: each as often as its weight says, and at even distances, so that a heavy one does not get its share in one go.</summary>
    /// <param name="weights">All above 0.</param>
    internal static int[] Order(ReadOnlySpan<ushort> weights)
    {
        int[] owners = WeightedSlots.Spread(weights, Math.Max(MostTurns, weights.Length));
        int[] shares = new int[weights.Length];
        foreach (int owner in owners) shares[owner]++;
        int[] taken = new int[weights.Length];
        double[] places = Array.ConvertAll(owners, owner => (taken[owner]++ + 0.5) / shares[owner]);
        Array.Sort(places, owners);
        return owners;
    }
}
