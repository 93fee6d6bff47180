using System.Collections.Immutable;
using Culvert.Controller.Compilation;
using Culvert.Controller.Schema;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using TrustBundle = Culvert.Core.TrustBundle;

namespace Culvert.Controller.Snapshots;

/// <summary>Makes each catalog from the one before and remembers what has changed between them. Not thread-safe.</summary>
/// <remarks>
/// What every node is told is in the catalog once. A node's overlay holds what only it is told: where its workloads are attached and which policies select them, and those policies.
/// Nobody is told labels or the names of nodes: agents decide nothing by them.
/// </remarks>
/// <param name="version">The version before the first one that it makes.</param>
internal sealed class CatalogBuilder(ulong version)
{
    private readonly ChangeLog _log = new();
    private readonly Dictionary<ResourceKey, Dictionary<string, int>> _policyNodes = [];
    private readonly MultiMap<string, string> _zones = new();
    private readonly Dictionary<NamespacedName, string[]> _serviceViews = [];
    private readonly HashSet<ResourceKey> _changed = [];
    private readonly Dictionary<string, HashSet<ResourceKey>> _changedOfNodes = new(StringComparer.Ordinal);
    private readonly Dictionary<ResourceKey, Resource> _policyResources = [];
    private readonly ImmutableDictionary<string, WorkloadInfo>.Builder _workloads = ResourceCatalog.Empty.Workloads.ToBuilder();
    private readonly ImmutableDictionary<NamespacedName, ServiceInfo>.Builder _services = ResourceCatalog.Empty.Services.ToBuilder();
    private readonly ImmutableDictionary<NamespacedName, PolicyInfo>.Builder _policies = ResourceCatalog.Empty.Policies.ToBuilder();
    private readonly ImmutableDictionary<NamespacedName, NetworkPolicyInfo>.Builder _networkPolicies = ResourceCatalog.Empty.NetworkPolicies.ToBuilder();
    private readonly ImmutableDictionary<NamespacedName, RequestAuthenticationInfo>.Builder _requestAuthentications = ResourceCatalog.Empty.RequestAuthentications.ToBuilder();
    private readonly ImmutableDictionary<HttpRouteKey, HttpRouteInfo>.Builder _httpRoutes = ResourceCatalog.Empty.HttpRoutes.ToBuilder();
    private readonly ImmutableDictionary<ResourceKey, Resource>.Builder _shared = ResourceCatalog.Empty.Shared.ToBuilder();
    private readonly ImmutableDictionary<string, ImmutableDictionary<ResourceKey, Resource>>.Builder _overlays = ResourceCatalog.Empty.Overlays.ToBuilder();
    private readonly ImmutableDictionary<string, string>.Builder _zoneOfNode = ResourceCatalog.Empty.ZoneOfNode.ToBuilder();
    private readonly Dictionary<string, int> _enrolled = new(StringComparer.Ordinal);
    private readonly ImmutableHashSet<string>.Builder _enrolledNodes = ResourceCatalog.Empty.EnrolledNodes.ToBuilder();
    private ResourceCatalog _catalog = ResourceCatalog.Empty with { Version = version };

    public void SetMesh(MeshSettings mesh, ObjectProblems problems)
    {
        SetShared(new(ResourceKind.Mesh, ""), new() { Mesh = mesh.ToWire(problems) });
        _catalog = _catalog with { Mesh = mesh, Problems = problems };
    }

    public void SetClosed(ImmutableArray<SourceError> closed) => _catalog = _catalog with { Closed = closed };

    /// <param name="bundle">The mesh's.</param>
    /// <param name="federated">Those of other trust domains.</param>
    public void SetTrustBundle(TrustBundle bundle, EquatableArray<TrustBundle> federated)
    {
        // The mesh's own may have changed to one of theirs a moment ago.
        federated = federated.Where(b => b.TrustDomain != bundle.TrustDomain).ToEquatableArray();
        if (_catalog.TrustBundle.TrustDomain != bundle.TrustDomain) SetShared(new(ResourceKind.TrustBundle, _catalog.TrustBundle.TrustDomain), null);
        SetShared(new(ResourceKind.TrustBundle, bundle.TrustDomain), new() { TrustBundle = bundle.ToWire(federated) });
        _catalog = _catalog with { TrustBundle = bundle, FederatedBundles = federated };
    }

    /// <summary>Sets the zone of a node; services that depend on zones (<see cref="ServiceViews.DependsOnZones"/>) are to be set besides.</summary>
    /// <param name="node">The node.</param>
    /// <param name="zone">Its zone; null: nobody says.</param>
    public void SetZone(string node, string? zone)
    {
        if (_zoneOfNode.TryGetValue(node, out string? before)) _zones.Remove(before, node);
        if (zone is not null) _zones.Add(zone, node);
        Set(_zoneOfNode, node, zone);
    }

    public void SetService(NamespacedName name, ServiceInfo? service)
    {
        ResourceKey key = new(ResourceKind.Service, name.ToString());
        if (_services.GetValueOrDefault(name) != service) SetShared(key, service is null ? null : new() { Service = service.Shared().ToWire() });
        Set(_services, name, service);

        // Nodes may have come, gone or changed their zones while the service is as it was.
        Dictionary<string, Resource> views = new(StringComparer.Ordinal);
        foreach ((ServiceInfo view, IReadOnlyCollection<string> nodes) in service?.OwnViews(_zones.All, node => _zoneOfNode.GetValueOrDefault(node)) ?? [])
        {
            Resource resource = new() { Service = view.ToWire() };
            foreach (string node in nodes) views.Add(node, resource);
        }
        foreach (string node in _serviceViews.GetValueOrDefault(name)?.Where(n => !views.ContainsKey(n)) ?? []) SetLocal(node, key, null);
        foreach ((string node, Resource view) in views) SetLocal(node, key, view);
        if (views.Count > 0) _serviceViews[name] = [.. views.Keys];
        else _serviceViews.Remove(name);
    }

    /// <summary>Sets a policy; workloads that name it are set besides.</summary>
    public void SetPolicy(NamespacedName name, PolicyInfo? policy)
    {
        SetPolicy(PolicyKey(name), policy is null ? null : new() { Policy = policy.ToWire() });
        Set(_policies, name, policy);
    }

    /// <summary>As <see cref="SetPolicy(NamespacedName, PolicyInfo?)"/>.</summary>
    public void SetNetworkPolicy(NamespacedName name, NetworkPolicyInfo? policy)
    {
        SetPolicy(NetworkPolicyKey(name), policy is null ? null : new() { NetworkPolicy = policy.ToWire() });
        Set(_networkPolicies, name, policy);
    }

    /// <summary>As <see cref="SetPolicy(NamespacedName, PolicyInfo?)"/>.</summary>
    public void SetRequestAuthentication(NamespacedName name, RequestAuthenticationInfo? authentication)
    {
        SetPolicy(RequestAuthenticationKey(name), authentication is null ? null : new() { RequestAuthentication = authentication.ToWire() });
        Set(_requestAuthentications, name, authentication);
    }

    public void SetHttpRoute(HttpRouteKey key, HttpRouteInfo? route)
    {
        SetShared(new(ResourceKind.HttpRoute, key.ToString()), route is null ? null : new() { HttpRoute = route.ToWire() });
        Set(_httpRoutes, key, route);
    }

    public void SetWorkload(string uid, WorkloadInfo? workload)
    {
        WorkloadInfo? before = _workloads.GetValueOrDefault(uid);
        if (before == workload) return;
        var key = new ResourceKey(ResourceKind.Workload, uid);
        WorkloadInfo? shared = workload?.Shared();
        if (shared != before?.Shared()) SetShared(key, shared is null ? null : new() { Workload = shared.ToWire() });

        if (before is not null && before.Node != workload?.Node) SetLocal(before.Node, key, null);
        if (workload is not null) SetLocal(workload.Node, key, workload == shared ? null : new() { Workload = workload.ToWire() });
        foreach (ResourceKey policy in PoliciesOf(workload)) Use(policy, workload!.Node, 1);
        foreach (ResourceKey policy in PoliciesOf(before)) Use(policy, before!.Node, -1);
        if (CountsForNode(workload)) CountEnrolled(workload!.Node, 1);
        if (CountsForNode(before)) CountEnrolled(before!.Node, -1);
        Set(_workloads, uid, workload);
    }

    /// <summary>The catalog of all that was set.</summary>
    public ResourceCatalog Build(int workloads, int services, int policies)
    {
        ulong next = _catalog.Version + 1;
        _log.Add(next, [.. _changed], _changedOfNodes.ToDictionary(p => p.Key, p => p.Value.ToArray(), StringComparer.Ordinal));
        ImmutableDictionary<ResourceKey, Resource> shared = _shared.ToImmutable();
        CompilationWork work = new(workloads, services, policies, _changed.Count + _changedOfNodes.Values.Sum(k => k.Count));
        _catalog = _catalog with
        {
            Version = next,
            Log = _log,
            Work = work,
            Workloads = _workloads.ToImmutable(),
            Services = _services.ToImmutable(),
            Policies = _policies.ToImmutable(),
            NetworkPolicies = _networkPolicies.ToImmutable(),
            RequestAuthentications = _requestAuthentications.ToImmutable(),
            HttpRoutes = _httpRoutes.ToImmutable(),
            Shared = shared,
            Encoded = new(() => new([.. shared.OrderBy(p => p.Key)])),
            Overlays = _overlays.ToImmutable(),
            EnrolledNodes = _enrolledNodes.ToImmutable(),
            ZoneOfNode = _zoneOfNode.ToImmutable(),
        };
        _changed.Clear();
        _changedOfNodes.Clear();
        return _catalog;
    }

    // Who creates a pod can name a node that does not exist; only a kubelet gives it an address.
    private static bool CountsForNode(WorkloadInfo? workload) => workload is { Enrolled: true, Addresses.Count: > 0 };

    private void CountEnrolled(string node, int by)
    {
        int count = _enrolled.GetValueOrDefault(node) + by;
        if (count == 0)
        {
            _enrolled.Remove(node);
            _enrolledNodes.Remove(node);
            return;
        }
        _enrolled[node] = count;
        _enrolledNodes.Add(node);
    }

    private void SetPolicy(ResourceKey key, Resource? policy)
    {
        if (policy is null) _policyResources.Remove(key);
        else _policyResources[key] = policy;
        foreach (string node in _policyNodes.GetValueOrDefault(key)?.Keys.ToArray() ?? []) SetLocal(node, key, policy);
    }

    private static IEnumerable<ResourceKey> PoliciesOf(WorkloadInfo? workload) =>
        workload is null ? [] : workload.PolicyNames.Select(PolicyKey).Concat(workload.NetworkPolicyNames.Select(NetworkPolicyKey)).Concat(workload.RequestAuthenticationNames.Select(RequestAuthenticationKey));

    private void Use(ResourceKey policy, string node, int by)
    {
        if (!_policyNodes.TryGetValue(policy, out Dictionary<string, int>? nodes)) _policyNodes.Add(policy, nodes = new(StringComparer.Ordinal));
        int before = nodes.GetValueOrDefault(node), after = before + by;
        if (after == 0) nodes.Remove(node);
        else nodes[node] = after;
        if (nodes.Count == 0) _policyNodes.Remove(policy);
        if (before == 0) SetLocal(node, policy, _policyResources[policy]);
        else if (after == 0) SetLocal(node, policy, null);
    }

    private void SetShared(ResourceKey key, Resource? resource)
    {
        if (Equals(_shared.GetValueOrDefault(key), resource)) return;
        _changed.Add(key);
        Set(_shared, key, resource);
    }

    private void SetLocal(string node, ResourceKey key, Resource? resource)
    {
        ImmutableDictionary<ResourceKey, Resource> overlay = _overlays.GetValueOrDefault(node) ?? ImmutableDictionary<ResourceKey, Resource>.Empty;
        if (Equals(overlay.GetValueOrDefault(key), resource)) return;
        if (!_changedOfNodes.TryGetValue(node, out HashSet<ResourceKey>? changed)) _changedOfNodes.Add(node, changed = []);
        changed.Add(key);
        overlay = resource is null ? overlay.Remove(key) : overlay.SetItem(key, resource);
        Set(_overlays, node, overlay.IsEmpty ? null : overlay);
    }

    private static void Set<TKey, TValue>(ImmutableDictionary<TKey, TValue>.Builder map, TKey key, TValue? value)
        where TKey : notnull
        where TValue : class
    {
        if (value is null) map.Remove(key);
        else map[key] = value;
    }

    private static ResourceKey NetworkPolicyKey(NamespacedName name) => new(ResourceKind.NetworkPolicy, name.ToString());

    private static ResourceKey RequestAuthenticationKey(NamespacedName name) => new(ResourceKind.RequestAuthentication, name.ToString());

    private static ResourceKey PolicyKey(NamespacedName name) => new(ResourceKind.Policy, name.ToString());
}
