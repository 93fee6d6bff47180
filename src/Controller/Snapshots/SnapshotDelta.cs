using Culvert.Protocol.V1;

namespace Culvert.Controller.Snapshots;

/// <summary>Builds responses: the whole world, or what changed.</summary>
internal static class SnapshotDelta
{
    /// <summary>The whole of <paramref name="resources"/>.</summary>
    public static OutgoingSnapshot Full(NodeResources resources, string epoch)
    {
        var response = new SnapshotResponse { Version = resources.Version, Full = true, Epoch = epoch };
        response.Upserts.AddRange(resources.Own);
        IReadOnlyList<ReadOnlyMemory<byte>> shared = resources.EncodedShared(out int count);
        return new(response, shared, response.Upserts.Count + count);
    }

    /// <summary>What leads from <paramref name="from"/> to <paramref name="to"/>; may be empty.</summary>
    public static OutgoingSnapshot Between(NodeResources from, NodeResources to, string epoch)
    {
        var response = new SnapshotResponse { Version = to.Version, BaseVersion = from.Version, Epoch = epoch };
        foreach (ResourceKey key in from.ChangesTo(to))
        {
            Resource? old = from.Find(key), now = to.Find(key);

            // A trust bundle goes only when another domain's took its place.
            if (now is null && old is not null) response.Removals.Add(key.ToName());
            else if (now is not null && !ReferenceEquals(old, now) && !now.Equals(old)) response.Upserts.Add(now);
        }
        return new(response, [], response.Upserts.Count + response.Removals.Count);
    }
}
