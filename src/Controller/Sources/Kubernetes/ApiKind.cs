using Culvert.Controller.CustomResources;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>A kind that is watched and read as a document.</summary>
/// <param name="Kind">The same in the controller.</param>
/// <param name="Type">Where the API has it.</param>
internal sealed record ApiKind(ObjectKind Kind, ResourceType<ApiDocument> Type)
{
    /// <summary>
    /// Whether fields that are not known are passed over. Kinds of Kubernetes grow with each version, in fields that mean nothing to a mesh; a NetworkPolicy is read to the letter all the
    /// same, since what is not known of it may take away from what is allowed.
    /// </summary>
    public bool IsLenient { get; init; }

    /// <summary>Whether there is a CustomResourceDefinition of it, which may be replaced at any time.</summary>
    public bool IsCustom { get; init; }

    /// <summary>How the controller says in the objects' status what has become of them.</summary>
    public StatusForm Status { get; init; }

    /// <summary>All of them. Pods are read apart (<see cref="PodReader"/>).</summary>
    public static IReadOnlyList<ApiKind> All { get; } =
    [
        new(ObjectKind.Namespace, new("", "v1", "namespaces", "Namespace", ApiJson.Default.ApiDocument) { IsNamespaced = false }) { IsLenient = true },
        new(ObjectKind.Node, new("", "v1", "nodes", "Node", ApiJson.Default.ApiDocument) { IsNamespaced = false }) { IsLenient = true },
        new(ObjectKind.Service, new("", "v1", "services", "Service", ApiJson.Default.ApiDocument)) { IsLenient = true },
        new(ObjectKind.EndpointSlice, new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", ApiJson.Default.ApiDocument)) { IsLenient = true },
        new(ObjectKind.NetworkPolicy, new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", ApiJson.Default.ApiDocument)),
        Own(ObjectKind.MeshConfig, MeshConfigSchema.Resource),
        Own(ObjectKind.AuthorizationPolicy, AuthorizationPolicySchema.Resource),
        Own(ObjectKind.Workload, WorkloadSchema.Resource),
        Own(ObjectKind.PeerAuthentication, PeerAuthenticationSchema.Resource),
        Own(ObjectKind.RequestAuthentication, RequestAuthenticationSchema.Resource),
        Own(ObjectKind.RateLimit, RateLimitSchema.Resource),
        Own(ObjectKind.TrafficPolicy, TrafficPolicySchema.Resource),
    ];

    /// <summary>Reads an object of the kind, for all who have to know whether it is good: those that watch it, and who is asked before it is stored.</summary>
    /// <param name="item">The object.</param>
    /// <param name="origin">Where it is.</param>
    public ReadObject Read(ApiDocument item, ApiOrigin origin)
    {
        MapNode.Entry[] type = [Text("apiVersion", Type.ApiVersion), Text("kind", Type.Kind)];

        // It stays in force when it is deleted.
        if (Kind == ObjectKind.MeshConfig) origin = origin with { Document = JsonTree.TextOf(new MapNode(0, [.. type, Named(item.Metadata.ResourceName.Name), .. item.Content.Entries.Where(e => e.Key == "spec")])) };
        return ObjectReader.Read(origin, new(0, new MapNode(0, [.. type, .. item.Content.Entries])), IsLenient);
    }

    private static MapNode.Entry Named(string name) => new("metadata", 0, new MapNode(0, [Text("name", name)]));

    private static MapNode.Entry Text(string key, string value) => new(key, 0, new ScalarNode(0, value, ScalarKind.String));

    private static ApiKind Own(ObjectKind kind, CustomResource resource) =>
        new(kind, new(CustomResourceTable.Group, CustomResourceTable.Version, resource.Plural, resource.Kind, ApiJson.Default.ApiDocument) { IsNamespaced = !resource.IsClusterScoped }) { IsCustom = true, Status = StatusForm.Conditions };
}
