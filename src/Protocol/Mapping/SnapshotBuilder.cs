using System.Collections.Immutable;
using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Applies upserts and removals to a snapshot and checks that the result hangs together. Not safe for several threads.</summary>
/// <param name="start">What they are applied to.</param>
/// <param name="before">What is in force: the keys of an issuer that it has are kept where the controller knows none, as after its start while the issuer can't be reached.</param>
internal sealed class SnapshotBuilder(NodeSnapshot start, NodeSnapshot before)
{
    private readonly ImmutableDictionary<string, WorkloadInfo>.Builder _workloads = start.Workloads.ToBuilder();
    private readonly ImmutableDictionary<NamespacedName, ServiceInfo>.Builder _services = start.Services.ToBuilder();
    private readonly ImmutableDictionary<NamespacedName, PolicyInfo>.Builder _policies = start.Policies.ToBuilder();
    private readonly ImmutableDictionary<NamespacedName, NetworkPolicyInfo>.Builder _networkPolicies = start.NetworkPolicies.ToBuilder();
    private readonly ImmutableDictionary<NamespacedName, RequestAuthenticationInfo>.Builder _requestAuthentications = start.RequestAuthentications.ToBuilder();
    private readonly ImmutableDictionary<HttpRouteKey, HttpRouteInfo>.Builder _httpRoutes = start.HttpRoutes.ToBuilder();
    private readonly ImmutableDictionary<string, NodeInfo>.Builder _nodes = start.Nodes.ToBuilder();
    private MeshSettings _mesh = start.Mesh;
    private ObjectProblems _problems = start.Problems;
    private TrustBundle _bundle = start.TrustBundle;
    private EquatableArray<TrustBundle> _federated = start.FederatedBundles;

    public void Upsert(Wire.Resource resource)
    {
        try
        {
            switch (resource.KindCase)
            {
                case Wire.Resource.KindOneofCase.Mesh: (_mesh, _problems) = (resource.Mesh.ToModel(), resource.Mesh.ToProblems()); break;
                case Wire.Resource.KindOneofCase.TrustBundle: (_bundle, _federated) = (resource.TrustBundle.ToModel(), resource.TrustBundle.ToFederated()); break;
                case Wire.Resource.KindOneofCase.Workload: _workloads[resource.Workload.Uid] = resource.Workload.ToModel(); break;
                case Wire.Resource.KindOneofCase.Node: _nodes[resource.Node.Name] = resource.Node.ToModel(); break;
                case Wire.Resource.KindOneofCase.Service:
                    ServiceInfo service = resource.Service.ToModel();
                    _services[service.Name] = service;
                    break;
                case Wire.Resource.KindOneofCase.Policy:
                    PolicyInfo policy = resource.Policy.ToModel();
                    _policies[policy.Name] = policy;
                    break;
                case Wire.Resource.KindOneofCase.NetworkPolicy:
                    NetworkPolicyInfo networkPolicy = resource.NetworkPolicy.ToModel();
                    _networkPolicies[networkPolicy.Name] = networkPolicy;
                    break;
                case Wire.Resource.KindOneofCase.RequestAuthentication:
                    RequestAuthenticationInfo authentication = resource.RequestAuthentication.ToModel();
                    _requestAuthentications[authentication.Name] = WithKeysOfBefore(authentication);
                    break;
                case Wire.Resource.KindOneofCase.HttpRoute:
                    HttpRouteInfo route = resource.HttpRoute.ToModel();
                    _httpRoutes[route.Key] = route;
                    break;
                default: throw new FormatException("the resource is of a kind this version does not know");
            }
        }
        catch (FormatException e)
        {
            Wire.ResourceName name = SnapshotMapping.NameOf(resource);
            throw new MappingException(name, $"{name.Kind} {name.Name}: {e.Message}");
        }
    }

    public void Remove(Wire.ResourceName name)
    {
        switch (name.Kind)
        {
            case Wire.ResourceKind.Workload: _workloads.Remove(name.Name); break;
            case Wire.ResourceKind.Service when NamespacedName.TryParse(name.Name, out NamespacedName service): _services.Remove(service); break;
            case Wire.ResourceKind.Policy when NamespacedName.TryParse(name.Name, out NamespacedName policy): _policies.Remove(policy); break;
            case Wire.ResourceKind.NetworkPolicy when NamespacedName.TryParse(name.Name, out NamespacedName policy): _networkPolicies.Remove(policy); break;
            case Wire.ResourceKind.RequestAuthentication when NamespacedName.TryParse(name.Name, out NamespacedName authentication): _requestAuthentications.Remove(authentication); break;
            case Wire.ResourceKind.HttpRoute when HttpRouteMapping.TryParseName(name.Name, out HttpRouteKey route): _httpRoutes.Remove(route); break;
            case Wire.ResourceKind.Node: _nodes.Remove(name.Name); break;
            case Wire.ResourceKind.TrustBundle:
                if (_bundle.TrustDomain == name.Name) (_bundle, _federated) = (TrustBundle.Empty, []);
                break;
            default: throw new MappingException(name, $"{name.Kind} '{name.Name}' can't be removed");
        }
    }

    public NodeSnapshot Build(ulong version)
    {
        foreach (WorkloadInfo workload in _workloads.Values)
        {
            foreach (NamespacedName policy in workload.PolicyNames)
            {
                if (!_policies.ContainsKey(policy)) throw Missing(workload, "policy", policy);
            }
            foreach (NamespacedName policy in workload.NetworkPolicyNames)
            {
                if (!_networkPolicies.ContainsKey(policy)) throw Missing(workload, "network policy", policy);
            }
            foreach (NamespacedName authentication in workload.RequestAuthenticationNames)
            {
                if (!_requestAuthentications.ContainsKey(authentication)) throw Missing(workload, "request authentication", authentication);
            }
        }
        return start with
        {
            Version = version,
            Mesh = _mesh,
            Problems = _problems,
            TrustBundle = _bundle,
            FederatedBundles = _federated,
            Workloads = _workloads.ToImmutable(),
            Services = _services.ToImmutable(),
            Policies = _policies.ToImmutable(),
            NetworkPolicies = _networkPolicies.ToImmutable(),
            RequestAuthentications = _requestAuthentications.ToImmutable(),
            HttpRoutes = _httpRoutes.ToImmutable(),
            Nodes = _nodes.ToImmutable(),
        };
    }

    // Those of the same URL only: a key that was taken out of the object itself is good no more.
    private RequestAuthenticationInfo WithKeysOfBefore(RequestAuthenticationInfo authentication)
    {
        if (!authentication.Rules.Items.Any(r => r.KeysUri is not null && r.UriKeys.IsEmpty) || !before.RequestAuthentications.TryGetValue(authentication.Name, out RequestAuthenticationInfo? old)) return authentication;
        return authentication with { Rules = authentication.Rules.Select(r => r.UriKeys.IsEmpty && r.KeysUri is not null && old.Rules.Items.FirstOrDefault(o => o.Issuer == r.Issuer && o.KeysUri == r.KeysUri) is { } known ? r with { UriKeys = known.UriKeys } : r).ToEquatableArray() };
    }

    private static MappingException Missing(WorkloadInfo workload, string kind, NamespacedName policy)
    {
        var name = new Wire.ResourceName { Kind = Wire.ResourceKind.Workload, Name = workload.Uid };
        return new(name, $"workload {workload.Uid} names {kind} {policy}, which the snapshot does not hold");
    }
}
