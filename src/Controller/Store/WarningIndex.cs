using System.Collections.Immutable;
using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>Keeps the warnings of a set, and finds anew those that a change reaches. Not thread-safe.</summary>
internal sealed class WarningIndex
{
    private readonly WorkloadIndex _workloads = new();
    private readonly SelectorIndex<AuthorizationPolicyObject> _policies = new(p => p.Selector);
    private readonly SelectorIndex<PeerAuthenticationObject> _modes = new(p => p.Selector);
    private readonly SelectorIndex<RequestAuthenticationObject> _authentications = new(a => a.Selector);
    private readonly SelectorIndex<RateLimitObject> _limits = new(l => l.Selector); // those without a Service
    private readonly MultiMap<string, ObjectKey> _byNamespace = new();
    private readonly MultiMap<ushort, ObjectKey> _byPort = new();
    private readonly Dictionary<string, int> _namespaceUse = new(StringComparer.Ordinal);
    private readonly Dictionary<NamespacedName, WorkloadObject> _enrolled = [];
    private readonly Dictionary<string, SortedSet<NamespacedName>> _enrolledByNode = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, int> _selected = [];
    private readonly SortedDictionary<NamespacedName, SourceError[]> _policyWarnings = [];
    private readonly SortedDictionary<NamespacedName, SourceError[]> _modeWarnings = [];
    private readonly SortedDictionary<NamespacedName, SourceError[]> _authenticationWarnings = [];
    private readonly SortedDictionary<NamespacedName, SourceError[]> _namespaceWarnings = [];
    private readonly SortedDictionary<NamespacedName, SourceError[]> _limitWarnings = [];
    private readonly Dictionary<string, (WorkloadObject First, int Count, SourceError Warning)> _nodeWarnings = new(StringComparer.Ordinal);
    private readonly MultiMap<string, ObjectKey> _modesByNamespace = new();
    private readonly NetworkPolicyWarningIndex _networkPolicies;
    private readonly ServicePortWarnings _servicePorts;
    private readonly UnreadPortWarnings _unreadPorts = new();
    private readonly TokenWarnings _tokens = new();
    private readonly RateLimitWarnings _rateLimits;
    private readonly HttpRouteWarnings _httpRoutes = new();

    private readonly LimitWarnings<NetworkPolicyObject> _blocks = new(ObjectKind.NetworkPolicy, NamespaceLimits.Blocks(), p => SourceWarning.About(
        p, $"its ipBlocks allow nothing: the NetworkPolicies of namespace {p.Meta.Namespace} name more than {NamespaceLimits.MostBlocks} blocks of addresses", "spec"));

    private readonly LimitWarnings<AuthorizationPolicyObject> _policyValues = new(ObjectKind.AuthorizationPolicy, NamespaceLimits.PolicyValues(), p => SourceWarning.About(
        p, $"{(p.Policy.Action is PolicyAction.Deny or PolicyAction.Custom ? "it denies all" : "it allows nothing, and audits nothing")}: the AuthorizationPolicies of namespace {p.Meta.Namespace} name more than {NamespaceLimits.MostPolicyValues} values, or most where all namespaces together name more than {NamespaceLimits.MostPolicyValuesOfAll}", "spec", "rules"));

    private readonly LimitWarnings<RequestAuthenticationObject> _tokenValues = new(ObjectKind.RequestAuthentication, NamespaceLimits.TokenValues(), a => SourceWarning.About(
        a, $"no token is good: the RequestAuthentications of namespace {a.Meta.Namespace} name more than {NamespaceLimits.MostTokenValues} values, or most where all namespaces together name more than {NamespaceLimits.MostTokenValuesOfAll}", "spec"));

    private readonly LimitWarnings<RequestAuthenticationObject> _keyUris = new(ObjectKind.RequestAuthentication, NamespaceLimits.KeyUris(), a => SourceWarning.About(
        a, $"its jwksUris are not read, and no token is good but by keys of jwks: the RequestAuthentications of namespace {a.Meta.Namespace} name more than {NamespaceLimits.MostKeyUris} URLs, or most where all namespaces together name more than {NamespaceLimits.MostKeyUrisOfAll}", "spec"));

    private readonly LimitWarnings<WorkloadObject> _openPorts = new(ObjectKind.Workload, NamespaceLimits.OpenPorts(), w => SourceWarning.About(
        w, $"has no effect: workloads of namespace {w.Meta.Namespace} ask for more than {NamespaceLimits.MostOpenPorts} ports to be left alone, or for most where all namespaces together ask for more than {NamespaceLimits.MostOpenPortsOfAll}", "metadata", "annotations", NginxAnnotations.IgnoreIncoming));

    private readonly TargetPortWarnings _targetPorts;
    private readonly ReferenceWarnings _references;
    private readonly NginxModeWarnings _nginxModes;
    private readonly Dictionary<ObjectKey, EquatableArray<SourceError>> _notes = [];
    private string _trustDomain = "";
    private EquatableArray<ExternalAuthorizer> _authorizers;
    private ImmutableHashSet<string> _federated = [];

    public WarningIndex() => (_networkPolicies, _servicePorts, _targetPorts, _references, _nginxModes, _rateLimits) = (new(_workloads), new(_workloads), new(_workloads), new(_workloads), new(_modes), new(_workloads));

    /// <summary>Takes a step up.</summary>
    /// <param name="before">The set before.</param>
    /// <param name="after">The set now.</param>
    /// <param name="keys">The objects in which they differ.</param>
    public void Update(ObjectSet before, ObjectSet after, IReadOnlyCollection<ObjectKey> keys)
    {
        HashSet<NamespacedName> workloads = [];
        HashSet<ObjectKey> policies = [];
        (MeshObject? Old, MeshObject? New)[] changes = [.. keys.Select(k => (before.Objects.GetValueOrDefault(k), after.Objects.GetValueOrDefault(k)))];
        foreach ((MeshObject? old, MeshObject? now) in changes)
        {
            MeshObject one = (old ?? now)!;
            if (one is WorkloadObject) workloads.Add(one.Meta.FullName);
            else if (one is NamespaceObject && (old as NamespaceObject)?.Enrolled != (now as NamespaceObject)?.Enrolled) workloads.UnionWith(_workloads.InNamespace(one.Meta.Name));
        }
        foreach (NamespacedName name in workloads) Leave(name, policies);
        foreach ((MeshObject? old, MeshObject? now) in changes) Replace(old, now, policies);
        _networkPolicies.Update(changes, after.Objects.GetValueOrDefault);
        _references.Update(changes, after.Objects.GetValueOrDefault);
        _httpRoutes.Update(changes, after.Objects.GetValueOrDefault);
        _servicePorts.Update(changes, after.Objects.GetValueOrDefault);
        _unreadPorts.Update(changes, after.Objects.GetValueOrDefault);
        _tokens.Update(changes, after.Objects.GetValueOrDefault);
        _rateLimits.Update(changes, after.Objects.GetValueOrDefault);
        _blocks.Update(changes, after.Objects.GetValueOrDefault);
        _policyValues.Update(changes, after.Objects.GetValueOrDefault);
        _tokenValues.Update(changes, after.Objects.GetValueOrDefault);
        _keyUris.Update(changes, after.Objects.GetValueOrDefault);
        _openPorts.Update(changes, after.Objects.GetValueOrDefault);
        _targetPorts.Update(changes, after.Objects.GetValueOrDefault);
        _nginxModes.Update(changes, after.Mesh.Settings.DefaultMtlsMode);
        foreach (NamespacedName name in workloads) Enter(name, after, policies);
        MeshSettings mesh = after.Mesh.Settings;
        if (_trustDomain != mesh.TrustDomain || _authorizers != mesh.ExternalAuthorizers)
        {
            (_trustDomain, _authorizers) = (mesh.TrustDomain, mesh.ExternalAuthorizers);
            policies.UnionWith(after.Objects.Keys.Where(k => k.Kind == ObjectKind.AuthorizationPolicy));
        }
        foreach (ObjectKey key in policies) Find(key, after.Objects.GetValueOrDefault(key));
    }

    /// <summary>Takes up which trust domains the mesh is federated with.</summary>
    /// <param name="trustDomains">They.</param>
    /// <param name="objects">The set that was taken up last.</param>
    /// <returns>Whether they are others than before.</returns>
    public bool Federate(ImmutableHashSet<string> trustDomains, ObjectSet objects)
    {
        if (_federated.SetEquals(trustDomains)) return false;
        _federated = trustDomains;
        foreach (ObjectKey key in objects.Objects.Keys.Where(k => k.Kind == ObjectKind.AuthorizationPolicy)) Find(key, objects.Objects[key]);
        return true;
    }

    /// <summary>All warnings of the set.</summary>
    /// <param name="objects">The set that was taken up last.</param>
    /// <param name="nodes">The nodes that have joined. While there is none, nothing is said of nodes: each would be unknown.</param>
    public IEnumerable<SourceError> All(ObjectSet objects, ImmutableHashSet<string> nodes)
    {
        IEnumerable<SourceError> excluded = objects.Objects.GetValueOrDefault(MeshConfigKeeper.Key) is MeshConfigObject mesh
            ? NameWarnings.ExcludedFamilies(mesh).Concat(NameWarnings.MissingAuthorizers(mesh, objects.Objects.GetValueOrDefault)).Concat(NameWarnings.ExcludedPorts(mesh, port => [.. _byPort[port].Select(k => (AuthorizationPolicyObject)objects.Objects[k]).OrderBy(p => p.Meta.FullName)]))
            : [];
        return [.. _policyWarnings.Values.SelectMany(w => w), .. _modeWarnings.Values.SelectMany(w => w), .. _authenticationWarnings.Values.SelectMany(w => w), .. _limitWarnings.Values.SelectMany(w => w), .. _networkPolicies.All, .. _blocks.All, .. _policyValues.All, .. _tokenValues.All, .. _keyUris.All, .. _openPorts.All, .. Nodes(nodes), .. _namespaceWarnings.Values.SelectMany(w => w), .. excluded, .. _references.All, .. _httpRoutes.All, .. _servicePorts.All, .. _unreadPorts.All, .. _tokens.All, .. _rateLimits.All, .. _targetPorts.All, .. _nginxModes.All, .. _notes.OrderBy(n => n.Key.ToString(), StringComparer.Ordinal).SelectMany(n => n.Value)];
    }

    private List<SourceError> Nodes(ImmutableHashSet<string> known)
    {
        var warnings = new List<SourceError>();
        if (known.IsEmpty) return warnings;
        foreach ((string node, SortedSet<NamespacedName> names) in _enrolledByNode.OrderBy(p => p.Value.Min))
        {
            if (known.Contains(node)) continue;
            WorkloadObject first = _enrolled[names.Min];
            if (!_nodeWarnings.TryGetValue(node, out var found) || !ReferenceEquals(found.First, first) || found.Count != names.Count)
                _nodeWarnings[node] = found = (first, names.Count, NameWarnings.UnknownNode(first, names.Count));
            warnings.Add(found.Warning);
        }
        return warnings;
    }

    /// <summary>Takes a workload out of the counts, as it was.</summary>
    private void Leave(NamespacedName name, HashSet<ObjectKey> policies)
    {
        if (!_enrolled.Remove(name, out WorkloadObject? workload)) return;
        SortedSet<NamespacedName> names = _enrolledByNode[workload.Node];
        names.Remove(name);
        if (names.Count == 0)
        {
            _enrolledByNode.Remove(workload.Node);
            _nodeWarnings.Remove(workload.Node);
        }
        foreach (ObjectKey key in Selecting(workload))
        {
            if (--_selected[key] > 0) continue;
            _selected.Remove(key);
            policies.Add(key);
        }
    }

    private void Enter(NamespacedName name, ObjectSet objects, HashSet<ObjectKey> policies)
    {
        if (_workloads.Find(name) is not { } workload || !workload.IsEnrolled(objects.Objects.GetValueOrDefault(new(ObjectKind.Namespace, "", name.Namespace)) as NamespaceObject)) return;
        _enrolled.Add(name, workload);
        if (!_enrolledByNode.TryGetValue(workload.Node, out SortedSet<NamespacedName>? names)) _enrolledByNode.Add(workload.Node, names = []);
        names.Add(name);
        foreach (ObjectKey key in Selecting(workload))
        {
            int count = _selected[key] = _selected.GetValueOrDefault(key) + 1;
            if (count == 1) policies.Add(key);
        }
    }

    private IEnumerable<ObjectKey> Selecting(WorkloadObject workload) => _policies.InScope(workload.Meta).Select(p => p.Key).Concat(_modes.InScope(workload.Meta).Select(m => m.Key)).Concat(_authentications.InScope(workload.Meta).Select(a => a.Key)).Concat(_limits.InScope(workload.Meta).Select(l => l.Key));

    private void Replace(MeshObject? old, MeshObject? now, HashSet<ObjectKey> policies)
    {
        if (now is { Notes.IsEmpty: false }) _notes[now.Key] = now.Notes;
        else _notes.Remove((old ?? now)!.Key);
        switch ((old ?? now)!)
        {
            case AuthorizationPolicyObject:
                Replace(_policies, old as AuthorizationPolicyObject, now as AuthorizationPolicyObject, p => p.Selector, policies);
                Name(old, (old as AuthorizationPolicyObject)?.Policy, now, (now as AuthorizationPolicyObject)?.Policy);
                foreach (ushort port in old is AuthorizationPolicyObject before ? NameWarnings.PortsOf(before) : []) _byPort.Remove(port, old!.Key);
                foreach (ushort port in now is AuthorizationPolicyObject after ? NameWarnings.PortsOf(after) : []) _byPort.Add(port, now!.Key);
                break;
            case RateLimitObject { Service: null }:
                Replace(_limits, old as RateLimitObject, now as RateLimitObject, l => l.Selector, policies);
                Name(old, (old as RateLimitObject)?.Policy, now, (now as RateLimitObject)?.Policy);
                break;
            case PeerAuthenticationObject:
                Replace(_modes, old as PeerAuthenticationObject, now as PeerAuthenticationObject, p => p.Selector, policies);
                ObjectKey mode = (old ?? now)!.Key;
                if (now is null) _modesByNamespace.Remove(mode.Namespace, mode);
                else _modesByNamespace.Add(mode.Namespace, mode);
                policies.UnionWith(_modesByNamespace[mode.Namespace]);
                break;
            case RequestAuthenticationObject:
                Replace(_authentications, old as RequestAuthenticationObject, now as RequestAuthenticationObject, a => a.Selector, policies);
                break;
            case NetworkPolicyObject or TrafficPolicyObject or TrafficTargetObject or SmiRouteObject or HttpRouteGroupObject or HttpRouteObject or RateLimitObject:
                // In a namespace that has nothing else there is nobody whom another policy could mean.
                break;
            default:
                if (old is WorkloadObject gone) _workloads.Remove(gone);
                if (now is WorkloadObject added) _workloads.Add(added);
                if (old is not null) Use(NamespaceOf(old), -1, policies);
                if (now is not null) Use(NamespaceOf(now), 1, policies);
                break;
        }
    }

    private void Replace<T>(SelectorIndex<T> index, T? old, T? now, Func<T, ImmutableSortedDictionary<string, string>> selector, HashSet<ObjectKey> policies)
        where T : MeshObject
    {
        ObjectKey key = (old ?? now)!.Key;
        policies.Add(key);
        if (old is not null) index.Remove(old);
        _selected.Remove(key);
        if (now is null) return;
        index.Add(now);
        int count = _workloads.InScope(now.Meta.Namespace, selector(now)).Count(_enrolled.ContainsKey);
        if (count > 0) _selected[key] = count;
    }

    private void Name(MeshObject? old, PolicyInfo? oldPolicy, MeshObject? now, PolicyInfo? policy)
    {
        foreach ((string name, _) in oldPolicy is null ? [] : NameWarnings.NamespacesOf(oldPolicy)) _byNamespace.Remove(name, old!.Key);
        foreach ((string name, _) in policy is null ? [] : NameWarnings.NamespacesOf(policy)) _byNamespace.Add(name, now!.Key);
    }

    private static string NamespaceOf(MeshObject one) => one is NamespaceObject ? one.Meta.Name : one.Meta.Namespace;

    private void Use(string ns, int by, HashSet<ObjectKey> policies)
    {
        int before = _namespaceUse.GetValueOrDefault(ns), after = before + by;
        if (after == 0) _namespaceUse.Remove(ns);
        else _namespaceUse[ns] = after;
        if (before == 0 || after == 0) policies.UnionWith(_byNamespace[ns]);
    }

    private void Find(ObjectKey key, MeshObject? now)
    {
        NamespacedName name = new(key.Namespace, key.Name);
        bool selectsSome = _selected.ContainsKey(key);
        if (key.Kind == ObjectKind.PeerAuthentication)
        {
            Set(_modeWarnings, name, now is PeerAuthenticationObject mode ? PolicyWarnings.Of(mode, selectsSome, _modes.Find(key.Namespace, mode.Selector)) : []);
            return;
        }
        if (key.Kind == ObjectKind.RequestAuthentication)
        {
            Set(_authenticationWarnings, name, now is RequestAuthenticationObject authentication ? PolicyWarnings.Of(authentication, selectsSome) : []);
            return;
        }
        if (key.Kind == ObjectKind.RateLimit)
        {
            Set(_limitWarnings, name, now is RateLimitObject limit ? PolicyWarnings.Of(limit, selectsSome).Concat(NameWarnings.UnknownNamespaces(limit, limit.Policy, _namespaceUse.ContainsKey)) : []);
            return;
        }
        var policy = now as AuthorizationPolicyObject;
        Set(_policyWarnings, name, policy is null ? [] : PolicyWarnings.Of(policy, selectsSome, _trustDomain, _federated, _authorizers));
        Set(_namespaceWarnings, name, policy is null ? [] : NameWarnings.UnknownNamespaces(policy, policy.Policy, _namespaceUse.ContainsKey));
    }

    private static void Set(SortedDictionary<NamespacedName, SourceError[]> warnings, NamespacedName name, IEnumerable<SourceError> found)
    {
        // To make one means to look its line up in the document, and a place has no more than so many told.
        SourceError[] all = [.. found.Take(SourceError.MostOfAPlace + 1)];
        if (all.Length == 0) warnings.Remove(name);
        else warnings[name] = all;
    }
}
