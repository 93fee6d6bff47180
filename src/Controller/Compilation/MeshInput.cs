using System.Collections.Immutable;
using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>The objects in force by all that compilation finds them by, and what has to be compiled anew when one changes. Not thread-safe.</summary>
internal sealed class MeshInput
{
    private readonly Dictionary<NamespacedName, ServiceObject> _services = [];
    private readonly SelectorIndex<ServiceObject> _serviceSelectors = new(s => s.Selector);
    private readonly Dictionary<NamespacedName, EndpointSliceObject> _slices = [];
    private readonly MultiMap<NamespacedName, NamespacedName> _slicesByService = new();
    private readonly MultiMap<IPAddress, NamespacedName> _slicesByAddress = new();
    private readonly Dictionary<ObjectKey, RouteObject> _routes = [];
    private readonly MultiMap<NamespacedName, ObjectKey> _routesByParent = new();
    private readonly MultiMap<NamespacedName, ObjectKey> _routesByBackend = new();
    private readonly MultiMap<ObjectKey, ObjectKey> _splitsByGroup = new();
    private readonly Dictionary<ObjectKey, TrafficPolicyObject> _trafficPolicies = [];
    private readonly MultiMap<NamespacedName, ObjectKey> _trafficPoliciesByTarget = new();
    private readonly Dictionary<string, string> _zones = new(StringComparer.Ordinal);
    private readonly Dictionary<string, NamespaceObject> _namespaces = new(StringComparer.Ordinal);

    public WorkloadIndex Workloads { get; } = new();

    public SelectorIndex<AuthorizationPolicyObject> Policies { get; } = new(p => p.Selector);

    public SelectorIndex<PeerAuthenticationObject> Modes { get; } = new(p => p.Selector);

    public SelectorIndex<RequestAuthenticationObject> Authentications { get; } = new(a => a.Selector);

    /// <summary>The RequestAuthentications whose keys are at a URL.</summary>
    public MultiMap<string, NamespacedName> KeyUris { get; } = new();

    public NamespaceLimit<RequestAuthenticationObject> TokenValues { get; } = NamespaceLimits.TokenValues();

    /// <summary>How many URLs there are to be read.</summary>
    public NamespaceLimit<RequestAuthenticationObject> KeyUriRoom { get; } = NamespaceLimits.KeyUris();

    public NetworkPolicyIndex NetworkPolicies { get; } = new();

    public NamespaceLimit<NetworkPolicyObject> Blocks { get; } = NamespaceLimits.Blocks();

    public NamespaceLimit<NetworkPolicyObject> PeerSelectors { get; } = NamespaceLimits.PeerSelectors();

    public NamespaceLimit<WorkloadObject> OpenPorts { get; } = NamespaceLimits.OpenPorts();

    public NamespaceLimit<AuthorizationPolicyObject> PolicyValues { get; } = NamespaceLimits.PolicyValues();

    public RateLimitIndex RateLimits { get; } = new();

    public TrafficTargetIndex TrafficTargets { get; } = new();

    public HttpRouteIndex HttpRoutes { get; } = new();

    /// <summary>A Service with what the TrafficPolicy that counts for it says: the first by name, CircuitBreakers last.</summary>
    public ServiceObject? FindService(NamespacedName name)
    {
        if (!_services.TryGetValue(name, out ServiceObject? service)) return null;
        IReadOnlyCollection<ObjectKey> policies = _trafficPoliciesByTarget[name];
        return policies.Count == 0 ? service : _trafficPolicies[policies.MinBy(TrafficPolicyObject.RankOf)].ApplyTo(service);
    }

    /// <summary>The zone of a node; null: nobody says.</summary>
    public string? ZoneOf(string node) => _zones.GetValueOrDefault(node);

    public NamespaceObject? FindNamespace(string name) => _namespaces.GetValueOrDefault(name);

    public IReadOnlyList<EndpointSliceObject> SlicesOf(NamespacedName service) => [.. _slicesByService[service].Select(n => _slices[n]).OrderBy(s => s.Meta.FullName)];

    public IReadOnlyList<WorkloadObject> SelectedBy(ServiceObject service) => service.Selector.IsEmpty
        ? [] : [.. Workloads.Selected(service.Meta.Namespace, service.Selector).Select(n => Workloads.Find(n)!).OrderBy(w => w.Meta.FullName)];

    /// <summary>What the ports of a workload speak.</summary>
    public EquatableArray<ApplicationPort> ProtocolsOf(WorkloadObject workload)
    {
        return DeclaredProtocols.Of(workload, Describing(workload));
    }

    /// <summary>The policies of limits that are about a workload, by name. A Service that says nothing of HTTP has none: nobody reads requests for it.</summary>
    public IEnumerable<NamespacedName> RateLimitsOf(WorkloadObject workload) => RateLimits.Of(workload, Describing(workload).Select(d => d.Service).Where(DeclaredProtocols.Any));

    /// <summary>Compiles a limit.</summary>
    public PolicyInfo Compile(RateLimitObject limit) => RateLimitCompiler.Compile(limit, RateLimits.HasRoom(limit), AddressesOf, RateLimits.SourcesOfOthers(limit), TrafficTargets.FindRoute);

    // What comes from a node's address is the node's, and no telling whose on it.
    private IEnumerable<IPAddress> AddressesOf(WorkloadReference reference) => MeantBy(reference).Select(n => Workloads.Find(n)).OfType<WorkloadObject>().Where(w => !w.HostNetwork).SelectMany(w => w.Addresses);

    private IEnumerable<NamespacedName> MeantBy(WorkloadReference reference) => reference.Kind switch
    {
        WorkloadReferenceKind.Pod => [reference.Name],
        WorkloadReferenceKind.Service => _services.TryGetValue(reference.Name, out ServiceObject? service) ? DescribedBy(service) : [],
        _ => Workloads.InNamespace(reference.Name.Namespace).Where(n => Workloads.Find(n)!.Owner == reference),
    };

    // All that may mean a workload.
    private IEnumerable<WorkloadReference> ReferencesTo(WorkloadObject workload)
    {
        yield return new(WorkloadReferenceKind.Pod, workload.Meta.FullName);
        if (workload.Owner is { } owner) yield return owner;
        foreach ((ServiceObject service, _) in Describing(workload)) yield return new(WorkloadReferenceKind.Service, service.Meta.FullName);
    }

    // The Services that say what its ports speak, each with the slice by which it leads there, or null.
    private IEnumerable<(ServiceObject Service, EndpointSliceObject? Slice)> Describing(WorkloadObject workload)
    {
        IEnumerable<(ServiceObject, EndpointSliceObject?)> selecting = _serviceSelectors.Find(workload.Meta.Namespace, workload.Meta.Labels).Select(s => (s, (EndpointSliceObject?)null));
        IEnumerable<(ServiceObject, EndpointSliceObject?)> naming =
            from name in workload.Addresses.SelectMany(a => _slicesByAddress[a]).Distinct()
            where name.Namespace == workload.Meta.Namespace
            let slice = _slices[name]
            let service = _services.GetValueOrDefault(ServiceOf(slice))
            where service is not null && service.Selector.IsEmpty
            select (service, (EndpointSliceObject?)slice);
        return selecting.Concat(naming);
    }

    /// <summary>The routes of a Service, the one that counts first: those of the Gateway API before TrafficSplits, then by name.</summary>
    public IReadOnlyList<RouteObject> RoutesOf(NamespacedName parent) => [.. RouteObject.ByPrecedence(_routesByParent[parent].Select(n => _routes[n]))];

    /// <summary>The services whose routes lead to a service.</summary>
    public IEnumerable<NamespacedName> ParentsOf(NamespacedName backend) => _routesByBackend[backend].SelectMany(n => Parents(_routes[n]));

    /// <summary>Puts an object in the place of another.</summary>
    /// <param name="before">How it was; null: it is new.</param>
    /// <param name="after">How it is; null: it is gone.</param>
    /// <param name="dirty">Gets what has to be compiled anew.</param>
    /// <exception cref="InvalidOperationException">It is of a kind that is not known here.</exception>
    public void Replace(MeshObject? before, MeshObject? after, DirtyResources dirty)
    {
        switch ((before ?? after)!)
        {
            case WorkloadObject: Replace(before as WorkloadObject, after as WorkloadObject, dirty); break;
            case NodeObject: Replace(before as NodeObject, after as NodeObject, dirty); break;
            case ServiceObject: Replace(before as ServiceObject, after as ServiceObject, dirty); break;
            case EndpointSliceObject: Replace(before as EndpointSliceObject, after as EndpointSliceObject, dirty); break;
            case RouteObject: Replace(before as RouteObject, after as RouteObject, dirty); break;
            case HttpRouteObject: HttpRoutes.Replace(before as HttpRouteObject, after as HttpRouteObject, dirty); break;
            case TrafficPolicyObject: Replace(before as TrafficPolicyObject, after as TrafficPolicyObject, dirty); break;
            case HttpRouteGroupObject:
                TrafficTargets.Replace(before, after, Workloads, dirty);
                dirty.RateLimits.UnionWith(RateLimits.Naming((before ?? after)!.Key));
                dirty.RoutedServices.UnionWith(_splitsByGroup[(before ?? after)!.Key].SelectMany(s => Parents(_routes[s])));
                break;
            case TrafficTargetObject or SmiRouteObject: TrafficTargets.Replace(before, after, Workloads, dirty); break;
            case AuthorizationPolicyObject:
                dirty.Policies.Add((before ?? after)!.Meta.FullName);
                dirty.Policies.UnionWith(PolicyValues.Replace(before as AuthorizationPolicyObject, after as AuthorizationPolicyObject));
                Replace(Policies, before as AuthorizationPolicyObject, after as AuthorizationPolicyObject, p => p.Selector, isSame: (_, _) => true, dirty);
                break;
            case RateLimitObject: Replace(before as RateLimitObject, after as RateLimitObject, dirty); break;
            case PeerAuthenticationObject:
                Replace(Modes, before as PeerAuthenticationObject, after as PeerAuthenticationObject, p => p.Selector, isSame: (a, b) => a.Mode == b.Mode, dirty);
                break;
            case RequestAuthenticationObject:
                Replace(before as RequestAuthenticationObject, after as RequestAuthenticationObject, dirty);
                break;
            case NetworkPolicyObject:
                dirty.NetworkPolicies.Add((before ?? after)!.Meta.FullName);
                dirty.NetworkPolicies.UnionWith(Blocks.Replace(before as NetworkPolicyObject, after as NetworkPolicyObject));
                Replace(before as NetworkPolicyObject, after as NetworkPolicyObject, dirty);
                break;
            case NamespaceObject:
                Replace(before as NamespaceObject, after as NamespaceObject, dirty);
                break;
            case MeshConfigObject:
                break; // the settings in force are the object set's, also while no MeshConfig is good
            case { } other:
                throw new InvalidOperationException($"nothing is known of what a change of a {other.GetType().Name} reaches");
        }
    }

    private void Replace(RequestAuthenticationObject? before, RequestAuthenticationObject? after, DirtyResources dirty)
    {
        dirty.RequestAuthentications.Add((before ?? after)!.Meta.FullName);
        dirty.RequestAuthentications.UnionWith(TokenValues.Replace(before, after));
        dirty.RequestAuthentications.UnionWith(KeyUriRoom.Replace(before, after));
        foreach (string uri in before?.KeyUris.Distinct(StringComparer.Ordinal) ?? []) KeyUris.Remove(uri, before!.Meta.FullName);
        foreach (string uri in after?.KeyUris.Distinct(StringComparer.Ordinal) ?? []) KeyUris.Add(uri, after!.Meta.FullName);
        Replace(Authentications, before, after, a => a.Selector, isSame: (_, _) => true, dirty);
    }

    private void Replace(NetworkPolicyObject? before, NetworkPolicyObject? after, DirtyResources dirty)
    {
        foreach (string ns in PeerSelectors.Replace(before, after).Select(n => n.Namespace).Distinct(StringComparer.Ordinal).ToArray())
        {
            dirty.Workloads.UnionWith(NetworkPolicies.SetClosed(ns, PeerSelectors.IsOver(ns), Workloads, LabelsOf));
            dirty.NetworkPolicies.UnionWith(NetworkPolicies.Of(ns).Select(p => p.Meta.FullName));
        }
        dirty.Workloads.UnionWith(NetworkPolicies.Replace(before, after, Workloads, LabelsOf));
    }

    /// <summary>Has compiled anew what is told otherwise because selectors of peers have come to mean too many pods, or no longer do. To be called when all that has changed was put in its place.</summary>
    public void CloseWhatMeansTooMany(DirtyResources dirty)
    {
        foreach (string ns in NetworkPolicies.DecideRoom())
        {
            dirty.Workloads.UnionWith(NetworkPolicies.MeantBy(ns, Workloads));
            dirty.NetworkPolicies.UnionWith(NetworkPolicies.Of(ns).Select(p => p.Meta.FullName));
        }
    }

    private ImmutableSortedDictionary<string, string> LabelsOf(string ns) => NamespaceObject.LabelsOf(ns, FindNamespace(ns));

    private void Replace(WorkloadObject? before, WorkloadObject? after, DirtyResources dirty)
    {
        foreach (WorkloadObject one in new[] { before, after }.OfType<WorkloadObject>())
        {
            dirty.Workloads.Add(one.Meta.FullName);
            if (RateLimits.HaveSources) dirty.RateLimits.UnionWith(RateLimits.Naming(ReferencesTo(one)));
            foreach (ServiceObject service in one.IsPod ? [] : _serviceSelectors.Find(one.Meta.Namespace, one.Meta.Labels)) dirty.Services.Add(service.Meta.FullName);
            foreach (NamespacedName slice in one.Addresses.SelectMany(a => _slicesByAddress[a])) dirty.Services.Add(ServiceOf(_slices[slice]));
        }
        if (before is not null)
        {
            Workloads.Remove(before);
            NetworkPolicies.Count(before, LabelsOf(before.Meta.Namespace), -1);
        }
        if (after is not null)
        {
            Workloads.Add(after);
            NetworkPolicies.Count(after, LabelsOf(after.Meta.Namespace), 1);
        }
        dirty.Workloads.UnionWith(OpenPorts.Replace(before, after));
    }

    private void Replace(NodeObject? before, NodeObject? after, DirtyResources dirty)
    {
        string name = (before ?? after)!.Meta.Name;
        if (after?.Zone is { } zone) _zones[name] = zone;
        else _zones.Remove(name);
        if (before?.Zone != after?.Zone) dirty.Zones.Add(name);
    }

    private void Replace(ServiceObject? before, ServiceObject? after, DirtyResources dirty)
    {
        dirty.Services.Add((before ?? after)!.Meta.FullName);
        dirty.RateLimits.UnionWith(RateLimits.Naming([new(WorkloadReferenceKind.Service, (before ?? after)!.Meta.FullName)]));
        if (before is null || after is null || !DeclaredProtocols.AreSame(before, after))
        {
            foreach (ServiceObject one in new[] { before, after }.OfType<ServiceObject>().Where(DeclaredProtocols.Any)) dirty.Workloads.UnionWith(DescribedBy(one));
        }
        if (before is not null)
        {
            _services.Remove(before.Meta.FullName);
            if (!before.Selector.IsEmpty) _serviceSelectors.Remove(before);
        }
        if (after is null) return;
        _services.Add(after.Meta.FullName, after);
        if (!after.Selector.IsEmpty) _serviceSelectors.Add(after);
    }

    private void Replace(EndpointSliceObject? before, EndpointSliceObject? after, DirtyResources dirty)
    {
        if (before is not null)
        {
            _slices.Remove(before.Meta.FullName);
            _slicesByService.Remove(ServiceOf(before), before.Meta.FullName);
            foreach (EndpointSliceObject.Endpoint endpoint in before.Endpoints) _slicesByAddress.Remove(endpoint.Address, before.Meta.FullName);
            dirty.Services.Add(ServiceOf(before));
        }
        foreach (EndpointSliceObject one in new[] { before, after }.OfType<EndpointSliceObject>())
        {
            dirty.RateLimits.UnionWith(RateLimits.Naming([new(WorkloadReferenceKind.Service, ServiceOf(one))]));
            if (_services.GetValueOrDefault(ServiceOf(one)) is { Selector.IsEmpty: true } service && DeclaredProtocols.Any(service)) dirty.Workloads.UnionWith(NamedBy(one));
        }
        if (after is null) return;
        _slices.Add(after.Meta.FullName, after);
        _slicesByService.Add(ServiceOf(after), after.Meta.FullName);
        foreach (EndpointSliceObject.Endpoint endpoint in after.Endpoints) _slicesByAddress.Add(endpoint.Address, after.Meta.FullName);
        dirty.Services.Add(ServiceOf(after));
    }

    private void Replace(RouteObject? before, RouteObject? after, DirtyResources dirty)
    {
        if (before is not null)
        {
            _routes.Remove(before.Key);
            foreach (NamespacedName parent in Parents(before)) _routesByParent.Remove(parent, before.Key);
            foreach (NamespacedName backend in Backends(before)) _routesByBackend.Remove(backend, before.Key);
            foreach (ObjectKey group in Groups(before)) _splitsByGroup.Remove(group, before.Key);
            dirty.RoutedServices.UnionWith(Parents(before));
        }
        if (after is null) return;
        _routes.Add(after.Key, after);
        foreach (NamespacedName parent in Parents(after)) _routesByParent.Add(parent, after.Key);
        foreach (NamespacedName backend in Backends(after)) _routesByBackend.Add(backend, after.Key);
        foreach (ObjectKey group in Groups(after)) _splitsByGroup.Add(group, after.Key);
        dirty.RoutedServices.UnionWith(Parents(after));
    }

    private void Replace(TrafficPolicyObject? before, TrafficPolicyObject? after, DirtyResources dirty)
    {
        if (before is not null)
        {
            _trafficPolicies.Remove(before.Key);
            _trafficPoliciesByTarget.Remove(before.Target, before.Key);
            dirty.Services.Add(before.Target);
        }
        if (after is null) return;
        _trafficPolicies.Add(after.Key, after);
        _trafficPoliciesByTarget.Add(after.Target, after.Key);
        dirty.Services.Add(after.Target);
    }

    private void Replace(RateLimitObject? before, RateLimitObject? after, DirtyResources dirty)
    {
        dirty.RateLimits.UnionWith(RateLimits.Replace(before, after));
        foreach (RateLimitObject one in new[] { before, after }.OfType<RateLimitObject>())
        {
            if (one.Target is not { } target) dirty.Workloads.UnionWith(Workloads.InScope(one.Meta.Namespace, one.Selector));
            else if (_services.TryGetValue(target, out ServiceObject? service)) dirty.Workloads.UnionWith(DescribedBy(service));
        }
    }

    private void Replace(NamespaceObject? before, NamespaceObject? after, DirtyResources dirty)
    {
        string name = (before ?? after)!.Meta.Name;
        bool isLabelledTheSame = NamespaceObject.LabelsOf("", before).SequenceEqual(NamespaceObject.LabelsOf("", after));
        WorkloadObject[] members = isLabelledTheSame ? [] : [.. Workloads.InNamespace(name).Select(n => Workloads.Find(n)!)];
        foreach (WorkloadObject member in members) NetworkPolicies.Count(member, LabelsOf(name), -1);
        if (before is not null) _namespaces.Remove(name);
        if (after is not null) _namespaces.Add(name, after);
        foreach (WorkloadObject member in members) NetworkPolicies.Count(member, LabelsOf(name), 1);
        if (!isLabelledTheSame || before?.Enrolled != after?.Enrolled) dirty.Workloads.UnionWith(Workloads.InNamespace(name));
    }

    private void Replace<T>(
        SelectorIndex<T> index, T? before, T? after, Func<T, ImmutableSortedDictionary<string, string>> selector, Func<T, T, bool> isSame, DirtyResources dirty)
        where T : MeshObject
    {
        if (before is not null) index.Remove(before);
        if (after is not null) index.Add(after);

        // Who is selected hears of it only when the selection changes, or what the selected are told by it.
        if (before is not null && after is not null && selector(before).SequenceEqual(selector(after)) && isSame(before, after)) return;
        foreach (T one in new[] { before, after }.OfType<T>()) dirty.Workloads.UnionWith(Workloads.InScope(one.Meta.Namespace, selector(one)));
    }

    /// <summary>The workloads whose ports' protocols a Service declares.</summary>
    private IEnumerable<NamespacedName> DescribedBy(ServiceObject service) => service.Selector.IsEmpty
        ? _slicesByService[service.Meta.FullName].SelectMany(s => NamedBy(_slices[s])) : Workloads.Selected(service.Meta.Namespace, service.Selector);

    private IEnumerable<NamespacedName> NamedBy(EndpointSliceObject slice) =>
        slice.Endpoints.Select(e => Workloads.ByAddress(e.Address)).OfType<WorkloadObject>().Where(w => w.Meta.Namespace == slice.Meta.Namespace).Select(w => w.Meta.FullName);

    /// <summary>Whether there is room to read what is at the URLs of an object.</summary>
    public bool ReadsKeysOf(RequestAuthenticationObject declared) => KeyUriRoom.Of(declared) == 0 || !KeyUriRoom.IsOver(declared.Meta.Namespace);

    private static NamespacedName ServiceOf(EndpointSliceObject slice) => new(slice.Meta.Namespace, slice.Service);

    private static IEnumerable<NamespacedName> Parents(RouteObject route) => route.Parents.Select(p => new NamespacedName(route.Meta.Namespace, p.Service));

    private static IEnumerable<ObjectKey> Groups(RouteObject route) => route.Groups.Select(g => new ObjectKey(ObjectKind.HTTPRouteGroup, route.Meta.Namespace, g)).Distinct();

    private static IEnumerable<NamespacedName> Backends(RouteObject route) => route.Backends.Select(b => new NamespacedName(route.Meta.Namespace, b.Service));
}
