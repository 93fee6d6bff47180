using System.Collections.Immutable;
using Culvert.Protocol.V1;

namespace Culvert.Controller.Snapshots;

/// <summary>The resources of one node's snapshot: a catalog seen through the node's overlay. Costs nothing to make or to keep. Immutable.</summary>
internal sealed class NodeResources(ResourceCatalog catalog, string node)
{
    private readonly ImmutableDictionary<ResourceKey, Resource> _overlay = catalog.Overlays.GetValueOrDefault(node) ?? ImmutableDictionary<ResourceKey, Resource>.Empty;

    /// <summary>The catalog's version.</summary>
    public ulong Version => catalog.Version;

    /// <summary>How many there are at the most: what the node is told in the place of what all are told counts twice.</summary>
    public int Most => catalog.Shared.Count + _overlay.Count;

    /// <summary>All of them, in no order.</summary>
    public IEnumerable<KeyValuePair<ResourceKey, Resource>> All => _overlay.Concat(catalog.Shared.Where(p => !_overlay.ContainsKey(p.Key)));

    /// <summary>All of them, by kind and name. What all nodes are told is not sorted for each.</summary>
    public IEnumerable<Resource> InOrder()
    {
        KeyValuePair<ResourceKey, Resource>[] own = [.. _overlay.OrderBy(p => p.Key)];
        int next = 0;
        foreach ((ResourceKey key, Resource shared) in catalog.SharedInOrder.Value)
        {
            while (next < own.Length && own[next].Key.CompareTo(key) < 0) yield return own[next++].Value;
            if (next < own.Length && own[next].Key == key) yield return own[next++].Value;
            else yield return shared;
        }
        for (; next < own.Length; next++) yield return own[next].Value;
    }

    public Resource? Find(ResourceKey key) => _overlay.GetValueOrDefault(key) ?? catalog.Shared.GetValueOrDefault(key);

    /// <summary>The resources that may be others in a later catalog of the same compiler; all of both when that is too long ago to be known.</summary>
    public IEnumerable<ResourceKey> ChangesTo(NodeResources later) =>
        catalog.Log.Between(Version, later.Version, node) ?? All.Concat(later.All).Select(p => p.Key).Distinct();
}
