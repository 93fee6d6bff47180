using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>All objects in force and the roots of the authority: the input of compilation. Immutable.</summary>
internal sealed record World
{
    public MeshSettings Mesh { get; init; } = new();

    public ObjectProblems Problems { get; init; } = new();

    public TrustBundle TrustBundle { get; init; } = TrustBundle.Empty;

    public ImmutableArray<WorkloadObject> Workloads { get; init; } = [];

    public ImmutableArray<ServiceObject> Services { get; init; } = [];

    public ImmutableArray<EndpointSliceObject> EndpointSlices { get; init; } = [];

    public ImmutableArray<AuthorizationPolicyObject> Policies { get; init; } = [];

    public ImmutableArray<UdpRouteObject> UdpRoutes { get; init; } = [];

    public ImmutableArray<PeerAuthenticationObject> PeerAuthentications { get; init; } = [];

    public ImmutableDictionary<string, NamespaceObject> Namespaces { get; init; } = ImmutableDictionary<string, NamespaceObject>.Empty;

    /// <summary>The world made of a source's objects and the authority's roots.</summary>
    public static World From(ObjectSet objects, ImmutableArray<ReadOnlyMemory<byte>> roots)
    {
        MeshSettings mesh = objects.Mesh.Settings;
        return new()
        {
            Mesh = mesh,
            Problems = ProblemList.From(objects),
            TrustBundle = new(mesh.TrustDomain, roots),
            Workloads = [.. objects.OfKind<WorkloadObject>()],
            Services = [.. objects.OfKind<ServiceObject>()],
            EndpointSlices = [.. objects.OfKind<EndpointSliceObject>()],
            Policies = [.. objects.OfKind<AuthorizationPolicyObject>()],
            UdpRoutes = [.. objects.OfKind<UdpRouteObject>()],
            PeerAuthentications = [.. objects.OfKind<PeerAuthenticationObject>()],
            Namespaces = objects.OfKind<NamespaceObject>().ToImmutableDictionary(n => n.Meta.Name),
        };
    }
}
