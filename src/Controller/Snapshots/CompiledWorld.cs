using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>The mesh as the model sees it, before it is cut down to one node. Immutable.</summary>
internal sealed record CompiledWorld
{
    public MeshSettings Mesh { get; init; } = new();

    public ObjectProblems Problems { get; init; } = new();

    public TrustBundle TrustBundle { get; init; } = TrustBundle.Empty;

    /// <summary>All workloads with all policies selected for them, ordered by uid.</summary>
    public ImmutableArray<WorkloadInfo> Workloads { get; init; } = [];

    public ImmutableArray<ServiceInfo> Services { get; init; } = [];

    public ImmutableDictionary<NamespacedName, PolicyInfo> Policies { get; init; } = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty;

    public ImmutableArray<NodeInfo> Nodes { get; init; } = [];

    /// <summary>The snapshot of one node: every workload and service, and the policies that select a workload of the node.</summary>
    public NodeSnapshot ForNode(string node, ulong version) => new()
    {
        Version = version,
        Node = node,
        Mesh = Mesh,
        Problems = Problems,
        TrustBundle = TrustBundle,
        Workloads = Workloads.ToImmutableDictionary(w => w.Uid, w => w.Node == node ? w : w with { PolicyNames = [] }),
        Services = Services.ToImmutableDictionary(s => s.Name),
        Policies = Workloads.Where(w => w.Node == node).SelectMany(w => w.PolicyNames).Distinct().ToImmutableDictionary(p => p, p => Policies[p]),
        Nodes = Nodes.ToImmutableDictionary(n => n.Name),
    };
}
