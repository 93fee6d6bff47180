using System.Collections.Immutable;
using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Sources;

/// <summary>Finds objects that are valid by themselves and not together: two owners of one address.</summary>
internal static class ObjectConflicts
{
    /// <summary>
    /// Reports conflicts. Of two objects that claim the same, the one that had it before keeps it, else the first by name; the other falls back to
    /// its last good version, or is left out when that conflicts as well or does not exist.
    /// </summary>
    public static void Resolve(ImmutableDictionary<ObjectKey, MeshObject>.Builder objects, ObjectSet previous, List<SourceError> errors)
    {
        var owners = new Dictionary<string, ObjectKey>(StringComparer.Ordinal);
        foreach (MeshObject candidate in objects.Values.OrderBy(o => Held(o, previous) ? 0 : 1).ThenBy(o => o.Meta.FullName).ToArray())
        {
            if (TryClaim(candidate, owners, out string claim, out ObjectKey owner)) continue;
            errors.Add(new(candidate.Meta.File, candidate.Meta.Line, candidate.Key.ToString(), Field(candidate), $"{claim} belongs to {owner} already"));
            if (previous.Objects.TryGetValue(candidate.Key, out MeshObject? last) && last != candidate && TryClaim(last, owners, out _, out _)) objects[candidate.Key] = last;
            else objects.Remove(candidate.Key);
        }
    }

    private static bool Held(MeshObject candidate, ObjectSet previous) =>
        previous.Objects.TryGetValue(candidate.Key, out MeshObject? last) && Claims(candidate).SequenceEqual(Claims(last), StringComparer.Ordinal);

    private static bool TryClaim(MeshObject candidate, Dictionary<string, ObjectKey> owners, out string conflict, out ObjectKey owner)
    {
        foreach (string claim in Claims(candidate))
        {
            if (!owners.TryGetValue(claim, out owner)) continue;
            conflict = claim;
            return false;
        }
        foreach (string claim in Claims(candidate)) owners[claim] = candidate.Key;
        (conflict, owner) = ("", default);
        return true;
    }

    private static string Field(MeshObject candidate) => candidate is WorkloadObject ? "spec.addresses" : "spec.clusterIPs";

    /// <summary>Addresses live in one space: a service can't have a workload's.</summary>
    private static IEnumerable<string> Claims(MeshObject candidate)
    {
        EquatableArray<IPAddress> addresses = candidate switch
        {
            WorkloadObject workload => workload.Addresses,
            ServiceObject service => service.ClusterIps,
            _ => [],
        };
        return addresses.Select(a => a.ToString());
    }
}
