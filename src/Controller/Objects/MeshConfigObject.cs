using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>The settings of the mesh; there is one, named <see cref="OnlyName"/>.</summary>
internal sealed record MeshConfigObject(ObjectMeta Meta, MeshSettings Settings) : MeshObject(ObjectKind.MeshConfig, Meta)
{
    /// <summary>The only name allowed.</summary>
    public const string OnlyName = "default";

    /// <summary>The namespaces of a cluster whose Workloads count, besides that of the mesh itself.</summary>
    public EquatableArray<string> WorkloadNamespaces { get; init; }
}
