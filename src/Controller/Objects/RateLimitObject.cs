using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A limit of the rate of requests with what it is about: Culvert's own, or NGINX Service Mesh's.</summary>
/// <param name="OfKind">Which of the two.</param>
/// <param name="Meta">Its metadata.</param>
/// <param name="Policy">What nodes are told; its name is none that an object of another kind can have.</param>
internal sealed record RateLimitObject(ObjectKind OfKind, ObjectMeta Meta, PolicyInfo Policy) : MeshObject(OfKind, Meta)
{
    /// <summary>Labels of the workloads that it is about, where it has no <see cref="Service"/>; empty selects all of its namespace, or of the mesh in the root namespace.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The Service of its namespace whose workloads it is about; null: it has a selector.</summary>
    public string? Service { get; init; }

    /// <summary>Whose requests count, of one of NGINX Service Mesh, each by itself; empty: those of all that are no sources of others with the same destination.</summary>
    public EquatableArray<WorkloadReference> Sources { get; init; }

    /// <summary>The HTTPRouteGroups of its namespace, of which a request has to be one to count; empty: all count.</summary>
    public EquatableArray<TrafficTargetObject.Rule> Rules { get; init; }

    /// <summary>The same with its namespace.</summary>
    public NamespacedName? Target => Service is null ? null : new NamespacedName(Meta.Namespace, Service);
}
