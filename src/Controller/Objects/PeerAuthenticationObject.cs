using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>The mTLS mode of a mesh, a namespace or some workloads.</summary>
internal sealed record PeerAuthenticationObject(ObjectMeta Meta, MtlsMode Mode) : MeshObject(ObjectKind.PeerAuthentication, Meta)
{
    /// <summary>Labels of the workloads it selects; empty selects all of its namespace, or of the mesh in the root namespace.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}
