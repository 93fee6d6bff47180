using Culvert.Controller.Objects;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>A kind that is watched and read as a document.</summary>
/// <param name="Kind">The same in the controller.</param>
/// <param name="Type">Where the API has it.</param>
internal sealed record ApiKind(ObjectKind Kind, ResourceType<ApiDocument> Type)
{
    private const string Group = "culvert.dev", Version = "v1alpha1";

    /// <summary>
    /// Whether fields that are not known are passed over. Kinds of Kubernetes grow with each version, in fields that mean nothing to a mesh; a NetworkPolicy is read to the letter all the
    /// same, since what is not known of it may take away from what is allowed.
    /// </summary>
    public bool IsLenient { get; init; }

    /// <summary>Whether the controller says in the objects' status what has become of them.</summary>
    public bool HasStatus { get; init; }

    /// <summary>All of them. Pods are read apart (<see cref="PodReader"/>).</summary>
    public static IReadOnlyList<ApiKind> All { get; } =
    [
        new(ObjectKind.Namespace, new("", "v1", "namespaces", "Namespace", ApiJson.Default.ApiDocument) { IsNamespaced = false }) { IsLenient = true },
        new(ObjectKind.Service, new("", "v1", "services", "Service", ApiJson.Default.ApiDocument)) { IsLenient = true },
        new(ObjectKind.EndpointSlice, new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", ApiJson.Default.ApiDocument)) { IsLenient = true },
        new(ObjectKind.NetworkPolicy, new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", ApiJson.Default.ApiDocument)),
        Own(ObjectKind.MeshConfig, "meshconfigs", isNamespaced: false),
        Own(ObjectKind.AuthorizationPolicy, "authorizationpolicies"),
        Own(ObjectKind.Workload, "workloads"),
        Own(ObjectKind.PeerAuthentication, "peerauthentications"),
    ];

    private static ApiKind Own(ObjectKind kind, string plural, bool isNamespaced = true) =>
        new(kind, new(Group, Version, plural, kind.ToString(), ApiJson.Default.ApiDocument) { IsNamespaced = isNamespaced }) { HasStatus = true };
}
