using System.Collections.Immutable;
using Culvert.Controller.Compilation;
using Culvert.Controller.Schema;
using Culvert.Core;
using Culvert.Protocol.V1;
using TrustBundle = Culvert.Core.TrustBundle;

namespace Culvert.Controller.Snapshots;

/// <summary>The mesh as it is told to nodes, at one version: what all are told once, and a small overlay for each node. Immutable; a catalog shares with the one before all that has not changed.
/// Messages in it must not be changed.</summary>
internal sealed record ResourceCatalog
{
    /// <summary>An empty catalog at version 0.</summary>
    public static ResourceCatalog Empty { get; } = new();

    public ulong Version { get; init; }

    /// <summary>Whether this is a world, and not what stands for it before there is one.</summary>
    public bool IsPublished => Version > 0;

    public MeshSettings Mesh { get; init; } = new();

    public ObjectProblems Problems { get; init; } = new();

    /// <summary>What is wrong with namespaces of whose Services, or selectors of peers, none counts because there is no room for them; each said of one object.</summary>
    public ImmutableArray<SourceError> Closed { get; init; } = [];

    public TrustBundle TrustBundle { get; init; } = TrustBundle.Empty;

    /// <summary>The bundles of other trust domains.</summary>
    public EquatableArray<TrustBundle> FederatedBundles { get; init; }

    /// <summary>Every workload by uid, with all that its own node is told.</summary>
    public ImmutableDictionary<string, WorkloadInfo> Workloads { get; init; } = ImmutableDictionary.Create<string, WorkloadInfo>(StringComparer.Ordinal);

    /// <summary>Every service, with the nodes and zones of its backends.</summary>
    public ImmutableDictionary<NamespacedName, ServiceInfo> Services { get; init; } = ImmutableDictionary<NamespacedName, ServiceInfo>.Empty;

    public ImmutableDictionary<NamespacedName, PolicyInfo> Policies { get; init; } = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty;

    public ImmutableDictionary<NamespacedName, NetworkPolicyInfo> NetworkPolicies { get; init; } = ImmutableDictionary<NamespacedName, NetworkPolicyInfo>.Empty;

    public ImmutableDictionary<NamespacedName, RequestAuthenticationInfo> RequestAuthentications { get; init; } = ImmutableDictionary<NamespacedName, RequestAuthenticationInfo>.Empty;

    /// <summary>The routes of requests, of which every node is told all.</summary>
    public ImmutableDictionary<HttpRouteKey, HttpRouteInfo> HttpRoutes { get; init; } = ImmutableDictionary<HttpRouteKey, HttpRouteInfo>.Empty;

    /// <summary>The nodes that have enrolled workloads.</summary>
    public ImmutableHashSet<string> EnrolledNodes { get; init; } = ImmutableHashSet.Create<string>(StringComparer.Ordinal);

    /// <summary>The zones of nodes, where they are known.</summary>
    public ImmutableDictionary<string, string> ZoneOfNode { get; init; } = ImmutableDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>What every node is told.</summary>
    public ImmutableDictionary<ResourceKey, Resource> Shared { get; init; } = ImmutableDictionary<ResourceKey, Resource>.Empty;

    /// <summary><see cref="Shared"/> by kind and name, as it is sent; encoded when a node is first told all of it.</summary>
    public Lazy<EncodedResources> Encoded { get; init; } = new(() => new([]));

    /// <summary>What a node is told besides, or in the place of what all are told.</summary>
    public ImmutableDictionary<string, ImmutableDictionary<ResourceKey, Resource>> Overlays { get; init; } =
        ImmutableDictionary.Create<string, ImmutableDictionary<ResourceKey, Resource>>(StringComparer.Ordinal);

    /// <summary>What has changed between this catalog and others of the same compiler.</summary>
    public ChangeLog Log { get; init; } = new();

    /// <summary>What it took to make this catalog of the one before.</summary>
    public CompilationWork Work { get; init; }

    /// <summary>A workload by uid, or null.</summary>
    public WorkloadInfo? FindWorkload(string uid) => Workloads.GetValueOrDefault(uid);

    /// <summary>The resources of one node's snapshot.</summary>
    public NodeResources ForNode(string node) => new(this, node);

    /// <summary>The snapshot that a node has when it has applied its resources.</summary>
    public NodeSnapshot SnapshotFor(string node) => new()
    {
        Version = Version,
        Node = node,
        Mesh = Mesh,
        Problems = Problems,
        TrustBundle = TrustBundle,
        FederatedBundles = FederatedBundles,
        Workloads = Workloads.Values.Select(w => w.Node == node ? w : w.Shared()).OfType<WorkloadInfo>().ToImmutableDictionary(w => w.Uid),
        Services = Services.ToImmutableDictionary(p => p.Key, p => p.Value.For(node, ZoneOfNode.GetValueOrDefault(node), n => ZoneOfNode.GetValueOrDefault(n))),
        Policies = Workloads.Values.Where(w => w.Node == node).SelectMany(w => w.PolicyNames).Distinct().ToImmutableDictionary(p => p, p => Policies[p]),
        NetworkPolicies = Workloads.Values.Where(w => w.Node == node).SelectMany(w => w.NetworkPolicyNames).Distinct().ToImmutableDictionary(p => p, p => NetworkPolicies[p]),
        RequestAuthentications = Workloads.Values.Where(w => w.Node == node).SelectMany(w => w.RequestAuthenticationNames).Distinct().ToImmutableDictionary(a => a, a => RequestAuthentications[a]),
        HttpRoutes = HttpRoutes,
    };
}
