using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>An authorisation policy with what it selects.</summary>
internal sealed record AuthorizationPolicyObject(ObjectMeta Meta, PolicyInfo Policy) : MeshObject(ObjectKind.AuthorizationPolicy, Meta)
{
    /// <summary>Labels of the workloads it selects; empty selects all of its namespace, or of the mesh in the root namespace.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}
