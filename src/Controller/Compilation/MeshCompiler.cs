using System.Collections.Immutable;
using Culvert.Controller.Issuers;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Snapshots;
using Culvert.Controller.Statuses;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>Compiles objects into the catalog that every node's snapshot is cut from. What is compiled is what a change reaches. Not thread-safe.</summary>
/// <remarks>When it throws, which is a bug, it is of no more use: another one begins where it stood.</remarks>
/// <param name="version">The version before the first one that it makes.</param>
internal sealed class MeshCompiler(ulong version = 0)
{
    private readonly MeshInput _input = new();
    private readonly Dictionary<NamespacedName, ServiceInfo> _ownServices = [];
    private readonly Dictionary<NamespacedName, EquatableArray<ProxyProtocolWish>> _wishes = [];
    private readonly MultiMap<string, NamespacedName> _wishesByWorkload = new();
    private readonly Dictionary<NamespacedName, HttpRouteKey[]> _splits = [];
    private readonly Dictionary<NamespacedName, PolicyInfo?> _revocations = [];
    private readonly ServiceRoom _room = new();
    private readonly CatalogBuilder _catalog = new(version);
    private ObjectSet _compiled = ObjectSet.Empty;
    private MeshSettings _mesh = new();
    private ListedRevocations? _listedFor;
    private ImmutableDictionary<string, IssuerKeySet> _keys = ImmutableDictionary<string, IssuerKeySet>.Empty;
    private ImmutableDictionary<string, ImmutableHashSet<string>> _refused = ImmutableDictionary<string, ImmutableHashSet<string>>.Empty;

    /// <summary>Everything from nothing.</summary>
    public static ResourceCatalog Compile(ObjectSet objects, ImmutableArray<ReadOnlyMemory<byte>> roots) => new MeshCompiler().Update(objects, null, roots);

    /// <summary>The catalog of these objects; its version is one more than that of the catalog before.</summary>
    /// <param name="objects">The objects in force.</param>
    /// <param name="changed">Those that are other than in the set before; null: not known.</param>
    /// <param name="roots">The authority's roots.</param>
    /// <param name="status">What nodes are told of the states of objects; null: nothing.</param>
    /// <param name="refused">Uids of the workloads that their nodes can't capture, by node; null: none.</param>
    /// <param name="keys">Keys of issuers that were read from URLs; null: none.</param>
    /// <param name="revoked">Serial numbers that revocation lists name, beside those of the MeshConfig.</param>
    /// <param name="jwtKeys">What JWT-SVIDs are verified with.</param>
    /// <param name="federated">Bundles of other trust domains. One of the mesh's own is left out.</param>
    public ResourceCatalog Update(
        ObjectSet objects, IReadOnlyCollection<ObjectKey>? changed, ImmutableArray<ReadOnlyMemory<byte>> roots, StatusSummary? status = null, ImmutableDictionary<string, ImmutableHashSet<string>>? refused = null,
        ImmutableDictionary<string, IssuerKeySet>? keys = null, ImmutableArray<CertificateSerial> revoked = default, EquatableArray<JwtKey> jwtKeys = default, EquatableArray<TrustBundle> federated = default)
    {
        DirtyResources dirty = new();
        Refuse(refused ?? ImmutableDictionary<string, ImmutableHashSet<string>>.Empty, dirty);
        foreach (ObjectKey key in changed ?? Difference(_compiled, objects))
        {
            MeshObject? before = _compiled.Objects.GetValueOrDefault(key), after = objects.Objects.GetValueOrDefault(key);
            if (before is not null || after is not null) _input.Replace(before, after, dirty);
        }
        _input.CloseWhatMeansTooMany(dirty);
        TakeKeys(keys ?? ImmutableDictionary<string, IssuerKeySet>.Empty, dirty);
        MeshSettings mesh = objects.Mesh.Settings;
        if (mesh.TrustDomain != _mesh.TrustDomain || mesh.DefaultMtlsMode != _mesh.DefaultMtlsMode || mesh.Revoked.Identities != _mesh.Revoked.Identities) dirty.Workloads.UnionWith(_input.Workloads.All.Select(w => w.Meta.FullName));
        if (mesh.TrustDomain != _mesh.TrustDomain) dirty.TrafficTargets.UnionWith(_input.TrafficTargets.All);
        (_compiled, _mesh) = (objects, mesh);
        int services = CompileServices(dirty);
        CompilePolicies(dirty);
        foreach (HttpRouteKey key in dirty.HttpRoutes) _catalog.SetHttpRoute(key, _input.HttpRoutes.Find(key)?.ToRoute());
        foreach (NamespacedName name in dirty.Workloads) _catalog.SetWorkload(name.ToString(), _input.Workloads.Find(name) is { } workload ? Compile(workload) : null);
        ImmutableArray<SourceError> closed = [.. _room.Errors(_input.FindService), .. _input.NetworkPolicies.Errors(), .. KeyErrors()];
        _catalog.SetMesh(WithRevoked(mesh, revoked), ProblemList.From(objects, status, closed));
        _catalog.SetClosed(closed);
        _catalog.SetTrustBundle(new TrustBundle(mesh.TrustDomain, roots) { JwtKeys = jwtKeys }, federated.Where(b => b.TrustDomain != mesh.TrustDomain).ToEquatableArray());
        return _catalog.Build(dirty.Workloads.Count, services, dirty.Policies.Count + dirty.TrafficTargets.Count + dirty.NetworkPolicies.Count + dirty.RequestAuthentications.Count);
    }

    // Lists have thousands: they are put together when they are others only.
    private MeshSettings WithRevoked(MeshSettings mesh, ImmutableArray<CertificateSerial> listed)
    {
        if (listed.IsDefaultOrEmpty) return mesh;
        if (!ReferenceEquals(_listedFor?.Settings, mesh) || _listedFor.Listed != listed) _listedFor = new(mesh, listed, mesh with { Revoked = mesh.Revoked.With(listed) });
        return _listedFor.Whole;
    }

    // A node may name what is no workload of the objects: that compiles to nothing. What was kept in a file may be no name.
    private void Refuse(ImmutableDictionary<string, ImmutableHashSet<string>> refused, DirtyResources dirty)
    {
        if (ReferenceEquals(refused, _refused)) return;
        foreach (string node in refused.Keys.Union(_refused.Keys, StringComparer.Ordinal))
        {
            ImmutableHashSet<string> before = _refused.GetValueOrDefault(node) ?? [], after = refused.GetValueOrDefault(node) ?? [];
            if (!ReferenceEquals(before, after)) dirty.Workloads.UnionWith(before.SymmetricExcept(after).Where(uid => NamespacedName.TryParse(uid, out _)).Select(NamespacedName.Parse));
        }
        _refused = refused;
    }

    private void TakeKeys(ImmutableDictionary<string, IssuerKeySet> keys, DirtyResources dirty)
    {
        if (ReferenceEquals(keys, _keys)) return;
        foreach (string uri in keys.Keys.Union(_keys.Keys, StringComparer.Ordinal))
        {
            if (!ReferenceEquals(keys.GetValueOrDefault(uri), _keys.GetValueOrDefault(uri))) dirty.RequestAuthentications.UnionWith(_input.KeyUris[uri]);
        }
        _keys = keys;
    }

    private IEnumerable<SourceError> KeyErrors() =>
        from failed in _keys.Where(k => k.Value.Error is not null).OrderBy(k => k.Key, StringComparer.Ordinal)
        from name in _input.KeyUris[failed.Key].Order()
        let declared = Find<RequestAuthenticationObject>(ObjectKind.RequestAuthentication, name)
        from error in RequestAuthenticationCompiler.ErrorsOf(declared, ImmutableDictionary<string, IssuerKeySet>.Empty.Add(failed.Key, failed.Value))
        select error;

    private static IReadOnlyCollection<ObjectKey> Difference(ObjectSet before, ObjectSet after) =>
    [
        .. before.Objects.Keys.Where(k => !after.Objects.ContainsKey(k)),
        .. after.Objects.Where(p => !before.Objects.TryGetValue(p.Key, out MeshObject? old) || old != p.Value).Select(p => p.Key),
    ];

    /// <summary>Compiles services by themselves, then what routes make of them, and tells which workloads hear of it. Returns how many.</summary>
    private int CompileServices(DirtyResources dirty)
    {
        foreach (string node in dirty.Zones) _catalog.SetZone(node, _input.ZoneOf(node));
        if (dirty.Zones.Count > 0) dirty.RoutedServices.UnionWith(_ownServices.Where(s => s.Value.DependsOnZones()).Select(s => s.Key));
        MakeRoom(dirty);
        foreach (NamespacedName name in dirty.Services)
        {
            dirty.RoutedServices.Add(name);
            ServiceInfo? own = _input.FindService(name) is not { } service ? null
                : _room.IsClosed(name.Namespace) ? ServiceCompiler.WithoutPorts(service)
                : ServiceCompiler.Compile(service, _input.SlicesOf(name), _input.SelectedBy(service), _input.Workloads.ByAddress);
            if (own == _ownServices.GetValueOrDefault(name)) continue;
            if (own is null) _ownServices.Remove(name);
            else _ownServices[name] = own;
            dirty.RoutedServices.UnionWith(_input.ParentsOf(name));
        }
        List<HttpRouteInfo> splits = [];
        foreach (NamespacedName name in dirty.RoutedServices)
        {
            ServiceInfo? routed = _ownServices.TryGetValue(name, out ServiceInfo? own) ? RouteCompiler.Apply(own, _input.RoutesOf(name), _input.HttpRoutes.Producers(name), _ownServices.GetValueOrDefault) : null;
            _catalog.SetService(name, routed);
            splits.AddRange(CompileSplits(name, own));
            SetWishes(name, routed is null ? [] : ProxyProtocolCompiler.WishesOf(_input.FindService(name)!.Meta, routed), dirty);
        }
        foreach (HttpRouteInfo split in splits) _catalog.SetHttpRoute(split.Key, split);
        return dirty.RoutedServices.Count;
    }

    // What is no longer there is taken away at once, and what is there set at the end: a split that has another root now has the same name.
    private HttpRouteInfo[] CompileSplits(NamespacedName service, ServiceInfo? own)
    {
        HttpRouteInfo[] routes = own is null ? [] : [.. TrafficSplitCompiler.Compile(own, _input.RoutesOf(service), _input.HttpRoutes.Producers(service), _ownServices.GetValueOrDefault, _input.TrafficTargets.FindRoute)];
        HttpRouteKey[] now = [.. routes.Select(r => r.Key)];
        foreach (HttpRouteKey gone in (_splits.GetValueOrDefault(service) ?? []).Except(now)) _catalog.SetHttpRoute(gone, null);
        if (now.Length == 0) _splits.Remove(service);
        else _splits[service] = now;
        return routes;
    }

    /// <summary>Before anything is compiled: what there is no room for would take memory, too.</summary>
    private void MakeRoom(DirtyResources dirty)
    {
        HashSet<NamespacedName> asking = [.. dirty.Services, .. dirty.RoutedServices, .. dirty.Services.SelectMany(_input.ParentsOf)], others = [];
        foreach (NamespacedName name in dirty.Services)
            others.UnionWith(_room.Set(name, _input.FindService(name) is { } service ? new ServiceDemand(service, _input.SlicesOf(name), _input.SelectedBy(service), _input.Workloads.ByAddress) : null));
        foreach (NamespacedName name in asking)
        {
            if (_room.Find(name) is { } demand) others.UnionWith(_room.SetRouted(name, demand.RoutedBackends(_input.RoutesOf(name), _input.HttpRoutes.Producers(name), _room.Find)));
        }
        dirty.Services.UnionWith(others);
    }

    private void CompilePolicies(DirtyResources dirty)
    {
        foreach (NamespacedName name in dirty.Policies)
        {
            _catalog.SetPolicy(name, Find<AuthorizationPolicyObject>(ObjectKind.AuthorizationPolicy, name) is { } policy
                ? AuthorizationPolicyCompiler.Compile(policy, !_input.PolicyValues.IsOver(name.Namespace))
                : null);
        }
        foreach (NamespacedName name in dirty.TrafficTargets)
        {
            _catalog.SetPolicy(TrafficTargetCompiler.PolicyName(name), _input.TrafficTargets.Find(name) is { } target
                ? TrafficTargetCompiler.Compile(target, _input.TrafficTargets.FindRoute, _mesh.TrustDomain, _input.TrafficTargets.HasRoom(name))
                : null);
        }
        foreach (NamespacedName name in dirty.RequestAuthentications)
        {
            _catalog.SetRequestAuthentication(name, Find<RequestAuthenticationObject>(ObjectKind.RequestAuthentication, name) is { } declared
                ? RequestAuthenticationCompiler.Compile(declared, !_input.TokenValues.IsOver(name.Namespace), _input.ReadsKeysOf(declared), _keys)
                : null);
        }
        foreach ((NamespacedName name, PolicyInfo? policy) in RevocationPolicies.Compile(_compiled.Mesh))
        {
            if (_revocations.GetValueOrDefault(name) == policy) continue;
            _revocations[name] = policy;
            _catalog.SetPolicy(name, policy);
        }
        foreach (NamespacedName name in dirty.RateLimits) _catalog.SetPolicy(name, _input.RateLimits.Find(name) is { } limit ? _input.Compile(limit) : null);
        foreach (NamespacedName name in dirty.NetworkPolicies)
        {
            _catalog.SetNetworkPolicy(name, Find<NetworkPolicyObject>(ObjectKind.NetworkPolicy, name) is { } policy
                ? NetworkPolicyCompiler.Compile(policy, !_input.Blocks.IsOver(name.Namespace), !_input.NetworkPolicies.IsClosed(name.Namespace))
                : null);
        }
    }

    private T? Find<T>(ObjectKind kind, NamespacedName name)
        where T : MeshObject => _compiled.Objects.GetValueOrDefault(new(kind, name.Namespace, name.Name)) as T;

    private void SetWishes(NamespacedName service, EquatableArray<ProxyProtocolWish> wishes, DirtyResources dirty)
    {
        EquatableArray<ProxyProtocolWish> before = _wishes.GetValueOrDefault(service);
        if (before == wishes) return;
        foreach (ProxyProtocolWish wish in before) _wishesByWorkload.Remove(wish.Uid, service);
        foreach (ProxyProtocolWish wish in wishes) _wishesByWorkload.Add(wish.Uid, service);
        if (wishes.IsEmpty) _wishes.Remove(service);
        else _wishes[service] = wishes;
        dirty.Workloads.UnionWith(before.Concat(wishes).Select(w => NamespacedName.Parse(w.Uid)));
    }

    private WorkloadInfo Compile(WorkloadObject workload)
    {
        ObjectMeta meta = workload.Meta;
        string uid = meta.FullName.ToString();
        NamespaceObject? ns = _input.FindNamespace(meta.Namespace);
        bool wanted = workload.IsEnrolled(ns);
        bool refused = wanted && (workload.NotCaptured is not null || (_refused.TryGetValue(workload.Node, out ImmutableHashSet<string>? uids) && uids.Contains(uid)));
        bool enrolled = wanted && !refused;
        SpiffeId identity = SpiffeId.ForServiceAccount(_mesh.TrustDomain, meta.Namespace, workload.ServiceAccount);
        var compiled = new WorkloadInfo
        {
            Uid = uid,
            Name = meta.FullName,
            ServiceAccount = workload.ServiceAccount,
            Identity = identity,
            Node = workload.Node,
            // What comes from a node's address is the node's, and no telling whose on it.
            Addresses = workload.HostNetwork ? [] : workload.Addresses,
            Enrolled = enrolled,
            EnrolmentRefused = refused,
            PodUid = workload.PodUid,
            Owner = workload.Manager,
            MtlsMode = ModeOf(meta),
            ExcludedPorts = _input.OpenPorts.IsOver(meta.Namespace) ? [] : meta.ExcludedPorts,
            HostInterface = workload.Interface,
            NetworkNamespace = workload.NetworkNamespace,
            PolicyNames = enrolled
                ? RevocationPolicies.Of(identity, _mesh).Concat(_input.Policies.InScope(meta).Select(p => p.Meta.FullName)).Concat(_input.TrafficTargets.Of(workload).Select(TrafficTargetCompiler.PolicyName)).Concat(_input.RateLimitsOf(workload)).ToEquatableArray()
                : [],
            NetworkPolicyNames = enrolled ? _input.NetworkPolicies.Selecting(meta).Select(p => p.Meta.FullName).ToEquatableArray() : [],
            RequestAuthenticationNames = enrolled ? _input.Authentications.InScope(meta).Select(a => a.Meta.FullName).ToEquatableArray() : [],
            PeerGroups = _input.NetworkPolicies.GroupsOf(workload, NamespaceObject.LabelsOf(meta.Namespace, ns)),
            NamedPorts = _input.NetworkPolicies.PortsOf(workload),
            ApplicationPorts = enrolled ? _input.ProtocolsOf(workload) : [],
        };
        ProxyProtocolWish[] wishes = [.. _wishesByWorkload[uid].SelectMany(s => _wishes[s]).Where(w => w.Uid == uid)];
        return ProxyProtocolCompiler.Apply(workload, compiled, wishes);
    }

    /// <summary>
    /// The most specific level that says something counts: workload, namespace, mesh. Where one level says both, strict does. An annotation of NGINX Service Mesh counts where no PeerAuthentication speaks of
    /// the workload, and never weakens what the mesh says.
    /// </summary>
    private MtlsMode ModeOf(ObjectMeta meta)
    {
        PeerAuthenticationObject[] matching = [.. _input.Modes.InScope(meta)];
        MtlsMode? Level(Func<PeerAuthenticationObject, bool> level) => matching.Where(level).Select(p => (MtlsMode?)p.Mode).Max();
        if (matching.Length == 0) return meta.NginxMtlsMode > _mesh.DefaultMtlsMode ? meta.NginxMtlsMode.Value : _mesh.DefaultMtlsMode;
        return Level(p => !p.Selector.IsEmpty && p.Meta.Namespace == meta.Namespace)
            ?? Level(p => !p.Selector.IsEmpty)
            ?? Level(p => p.Meta.Namespace == meta.Namespace)
            ?? Level(_ => true)
            ?? _mesh.DefaultMtlsMode;
    }

    /// <param name="Settings">The MeshConfig's.</param>
    /// <param name="Listed">What lists name.</param>
    /// <param name="Whole">Both.</param>
    private sealed record ListedRevocations(MeshSettings Settings, ImmutableArray<CertificateSerial> Listed, MeshSettings Whole);
}
