using System.Net;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Finds objects that are valid by themselves and not together: two owners of one address. Pure.</summary>
internal static class ObjectConflicts
{
    /// <summary>
    /// Decides which of some objects come into force. Of two that claim the same, a pod has it, whose addresses are not what somebody has written; then the one that had it before keeps it, else the first by
    /// name. The other falls back to its last good version, or is left out when that conflicts as well or does not exist. One that nothing declares any more comes last.
    /// </summary>
    /// <param name="candidates">The objects as they are meant to be, with all that any of them can conflict with.</param>
    /// <param name="previous">What is in force so far.</param>
    /// <param name="isLeft">Whether nothing declares an object any more.</param>
    /// <param name="errors">Gets the conflict of each object that does not come into force as it is meant to be.</param>
    public static Dictionary<ObjectKey, MeshObject> Resolve(IEnumerable<MeshObject> candidates, ObjectSet previous, Func<ObjectKey, bool> isLeft, IDictionary<ObjectKey, SourceError> errors)
    {
        var resolved = new Dictionary<ObjectKey, MeshObject>();
        var owners = new Dictionary<string, ObjectKey>(StringComparer.Ordinal);
        foreach (MeshObject candidate in candidates.OrderBy(o => Rank(o, previous, isLeft)).ThenBy(o => o.Meta.FullName).ThenBy(o => o.Kind))
        {
            if (TryClaim(candidate, owners, out string claim, out ObjectKey owner))
            {
                resolved.Add(candidate.Key, candidate);
                continue;
            }
            errors[candidate.Key] = new(candidate.Meta.Origin.Place, candidate.Meta.Origin.Line, candidate.Key.ToString(), Field(candidate), $"{claim} belongs to {owner} already");
            if (previous.Objects.TryGetValue(candidate.Key, out MeshObject? last) && last != candidate && TryClaim(last, owners, out _, out _)) resolved.Add(last.Key, last);
        }
        return resolved;
    }

    /// <summary>What an object claims for itself. Addresses live in one space: a service can't have a workload's.</summary>
    public static IEnumerable<string> Claims(MeshObject? candidate)
    {
        EquatableArray<IPAddress> addresses = candidate switch
        {
            // Those of a node's network share its address.
            WorkloadObject { HostNetwork: false } workload => workload.Addresses,
            ServiceObject service => service.ClusterIps,
            _ => [],
        };
        return addresses.Select(a => a.ToString());
    }

    private static Precedence Rank(MeshObject candidate, ObjectSet previous, Func<ObjectKey, bool> isLeft) => (isLeft(candidate.Key), IsPod: candidate is WorkloadObject { IsPod: true }, Held(candidate, previous)) switch
    {
        (true, _, _) => Precedence.Left,
        (_, true, true) => Precedence.HeldByPod,
        (_, true, _) => Precedence.Pod,
        (_, _, true) => Precedence.Held,
        _ => Precedence.New,
    };

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

    private enum Precedence
    {
        HeldByPod,
        Pod,
        Held,
        New,
        Left,
    }

    private static string Field(MeshObject candidate) => candidate is WorkloadObject ? "spec.addresses" : "spec.clusterIPs";
}
