using Culvert.Core;
using Culvert.Interop.Abi;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// How many slots of <c>cv_backend</c> the backends of a Service's port have: as many as their weights take, and where all together take more than there are, those of the namespaces that take most are
/// <see cref="Coarse"/>, so that weights that somebody has chosen take nothing from others. Pure.
/// </summary>
internal static class BackendSlots
{
    /// <summary>Slots of a port for which there is no room for more. With as many for each of the ports that a controller lets there be, half of the map is not full.</summary>
    internal const int Coarse = 16;

    /// <summary>Most slots of a port where there is room.</summary>
    internal const int Fine = (int)CvAbi.MaxSlots;

    /// <summary>The namespaces whose Services have <see cref="Coarse"/> slots a port at most.</summary>
    /// <param name="ports">The weights of the backends of each port, with its Service's namespace.</param>
    /// <param name="most">How many slots there are.</param>
    internal static HashSet<string> FindCoarse(IEnumerable<(string Namespace, ushort[] Weights)> ports, int most)
    {
        Dictionary<string, (long Fine, long Coarse)> taken = new(StringComparer.Ordinal);
        long all = 0;
        foreach ((string ns, ushort[] weights) in ports)
        {
            int slots = WeightedSlots.Count(weights, Fine);
            (long fine, long coarse) = taken.GetValueOrDefault(ns);
            taken[ns] = (fine + slots, coarse + Math.Min(slots, Coarse));
            all += slots;
        }
        HashSet<string> found = new(StringComparer.Ordinal);
        foreach ((string ns, (long fine, long coarse)) in taken.OrderByDescending(t => t.Value.Fine).ThenBy(t => t.Key, StringComparer.Ordinal))
        {
            if (all <= most) break;
            if (fine == coarse) continue;
            found.Add(ns);
            all -= fine - coarse;
        }
        return found;
    }
}
