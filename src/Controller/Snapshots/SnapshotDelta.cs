using Culvert.Protocol.V1;

namespace Culvert.Controller.Snapshots;

/// <summary>Builds responses: the whole world, or what changed.</summary>
internal static class SnapshotDelta
{
    /// <summary>The whole of <paramref name="resources"/>.</summary>
    public static SnapshotResponse Full(IReadOnlyDictionary<ResourceKey, Resource> resources, ulong version, string epoch)
    {
        var response = new SnapshotResponse { Version = version, Full = true, Epoch = epoch };
        response.Upserts.AddRange(resources.OrderBy(p => p.Key.Kind).ThenBy(p => p.Key.Name, StringComparer.Ordinal).Select(p => p.Value));
        return response;
    }

    /// <summary>What leads from <paramref name="from"/> to <paramref name="to"/>; may be empty.</summary>
    public static SnapshotResponse Between(
        (ulong Version, IReadOnlyDictionary<ResourceKey, Resource> Resources) from, (ulong Version, IReadOnlyDictionary<ResourceKey, Resource> Resources) to, string epoch)
    {
        var response = new SnapshotResponse { Version = to.Version, BaseVersion = from.Version, Epoch = epoch };
        foreach ((ResourceKey key, Resource resource) in to.Resources)
        {
            if (!from.Resources.TryGetValue(key, out Resource? old) || (!ReferenceEquals(old, resource) && !old.Equals(resource))) response.Upserts.Add(resource);
        }
        foreach (ResourceKey key in from.Resources.Keys)
        {
            // A trust bundle goes only when another domain's took its place.
            if (!to.Resources.ContainsKey(key)) response.Removals.Add(key.ToName());
        }
        return response;
    }
}
