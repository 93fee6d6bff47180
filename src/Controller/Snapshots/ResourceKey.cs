using Culvert.Protocol;
using Culvert.Protocol.V1;

namespace Culvert.Controller.Snapshots;

/// <summary>Kind and name of a resource, which they are ordered by.</summary>
internal readonly record struct ResourceKey(ResourceKind Kind, string Name) : IComparable<ResourceKey>
{
    public static ResourceKey Of(Resource resource)
    {
        ResourceName name = SnapshotMapping.NameOf(resource);
        return new(name.Kind, name.Name);
    }

    public int CompareTo(ResourceKey other) => Kind != other.Kind ? Kind.CompareTo(other.Kind) : string.CompareOrdinal(Name, other.Name);

    public ResourceName ToName() => new() { Kind = Kind, Name = Name };
}
