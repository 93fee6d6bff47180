using System.Collections.Immutable;
using Culvert.Protocol.V1;

namespace Culvert.Controller.Snapshots;

/// <summary>The resources of one node's snapshot: a catalog seen through the node's overlay. Costs nothing to make or to keep. Immutable.</summary>
internal sealed class NodeResources(ResourceCatalog catalog, string node)
{
    private readonly ImmutableDictionary<ResourceKey, Resource> _overlay = catalog.Overlays.GetValueOrDefault(node) ?? ImmutableDictionary<ResourceKey, Resource>.Empty;

    /// <summary>The catalog's version.</summary>
    public ulong Version => catalog.Version;

    /// <summary>What only this node is told, by kind and name.</summary>
    public IEnumerable<Resource> Own => _overlay.OrderBy(p => p.Key).Select(p => p.Value);

    /// <summary>All of them, in no order.</summary>
    public IEnumerable<KeyValuePair<ResourceKey, Resource>> All => _overlay.Concat(catalog.Shared.Where(p => !_overlay.ContainsKey(p.Key)));

    /// <summary>What it is told as all nodes are, as upserts of a response.</summary>
    /// <param name="count">How many they are.</param>
    public IReadOnlyList<ReadOnlyMemory<byte>> EncodedShared(out int count)
    {
        EncodedResources shared = catalog.Encoded.Value;
        count = shared.Count - _overlay.Keys.Count(shared.Contains);
        return [.. shared.Pieces(without: _overlay.Keys)];
    }

    public Resource? Find(ResourceKey key) => _overlay.GetValueOrDefault(key) ?? catalog.Shared.GetValueOrDefault(key);

    /// <summary>The resources that may be others in a later catalog of the same compiler; all of both when that is too long ago to be known.</summary>
    public IEnumerable<ResourceKey> ChangesTo(NodeResources later) =>
        catalog.Log.Between(Version, later.Version, node) ?? All.Concat(later.All).Select(p => p.Key).Distinct();
}
