using Culvert.Protocol;
using Culvert.Protocol.V1;

namespace Culvert.Controller.Snapshots;

/// <summary>Kind and name of a resource.</summary>
internal readonly record struct ResourceKey(ResourceKind Kind, string Name)
{
    public static ResourceKey Of(Resource resource)
    {
        ResourceName name = SnapshotMapping.NameOf(resource);
        return new(name.Kind, name.Name);
    }

    public ResourceName ToName() => new() { Kind = Kind, Name = Name };
}
