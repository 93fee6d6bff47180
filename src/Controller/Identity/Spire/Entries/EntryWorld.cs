using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Snapshots;

namespace Culvert.Controller.Identity.Spire.Entries;

/// <summary>What entries are made of. Immutable.</summary>
/// <param name="Catalog">The mesh as it is published.</param>
/// <param name="Objects">The objects in force, at least as new: nodes are asked for their uids.</param>
internal sealed record EntryWorld(ResourceCatalog Catalog, ImmutableDictionary<ObjectKey, MeshObject> Objects)
{
    /// <summary>The uid of a node; null: nobody says.</summary>
    public string? UidOf(string node) => (Objects.GetValueOrDefault(new ObjectKey(ObjectKind.Node, "", node)) as NodeObject)?.Uid;
}
