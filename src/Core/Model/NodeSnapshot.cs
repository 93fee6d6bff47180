using System.Collections.Immutable;

namespace Culvert.Core;

/// <summary>All that one node's agent has to know, at one version. Immutable: an agent replaces it whole.</summary>
public sealed record NodeSnapshot
{
    /// <summary>Grows with each change; 0 is the empty snapshot before the first one arrived.</summary>
    public ulong Version { get; init; }

    /// <summary>The node this snapshot is for.</summary>
    public string Node { get; init; } = "";

    /// <summary>Mesh-wide settings.</summary>
    public MeshSettings Mesh { get; init; } = new();

    /// <summary>What is wrong with the objects that the controller reads; for people, nothing is decided by it.</summary>
    public ObjectProblems Problems { get; init; } = new();

    /// <summary>Every workload of the mesh by uid.</summary>
    public ImmutableDictionary<string, WorkloadInfo> Workloads { get; init; } = ImmutableDictionary<string, WorkloadInfo>.Empty;

    /// <summary>Every service by name.</summary>
    public ImmutableDictionary<NamespacedName, ServiceInfo> Services { get; init; } = ImmutableDictionary<NamespacedName, ServiceInfo>.Empty;

    /// <summary>The policies that select a workload of this node, by name.</summary>
    public ImmutableDictionary<NamespacedName, PolicyInfo> Policies { get; init; } = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty;

    /// <summary>The NetworkPolicies that select a workload of this node, by name.</summary>
    public ImmutableDictionary<NamespacedName, NetworkPolicyInfo> NetworkPolicies { get; init; } = ImmutableDictionary<NamespacedName, NetworkPolicyInfo>.Empty;

    /// <summary>What is said about the tokens of requests to workloads of this node, by name.</summary>
    public ImmutableDictionary<NamespacedName, RequestAuthenticationInfo> RequestAuthentications { get; init; } = ImmutableDictionary<NamespacedName, RequestAuthenticationInfo>.Empty;

    /// <summary>The routes of requests, by kind and name.</summary>
    public ImmutableDictionary<HttpRouteKey, HttpRouteInfo> HttpRoutes { get; init; } = ImmutableDictionary<HttpRouteKey, HttpRouteInfo>.Empty;

    /// <summary>The roots that peers are verified against.</summary>
    public TrustBundle TrustBundle { get; init; } = TrustBundle.Empty;

    /// <summary>The bundles of other trust domains, by name: their workloads may open tunnels to those of this node, each proven by its own domain's roots alone.</summary>
    public EquatableArray<TrustBundle> FederatedBundles { get; init; }

    /// <summary>The nodes of the mesh by name.</summary>
    public ImmutableDictionary<string, NodeInfo> Nodes { get; init; } = ImmutableDictionary<string, NodeInfo>.Empty;

    /// <summary>The enrolled workloads placed on this node, ordered by uid.</summary>
    public IEnumerable<WorkloadInfo> LocalWorkloads() => Local(w => w.Enrolled);

    /// <summary>The workloads placed on this node that would be enrolled if it could capture them, ordered by uid.</summary>
    public IEnumerable<WorkloadInfo> RefusedWorkloads() => Local(w => w.EnrolmentRefused);

    private IEnumerable<WorkloadInfo> Local(Func<WorkloadInfo, bool> wanted) => Workloads.Values.Where(w => wanted(w) && w.Node == Node).OrderBy(w => w.Uid, StringComparer.Ordinal);
}
