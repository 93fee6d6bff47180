namespace Culvert.Kubernetes.Resources;

/// <summary>The kinds of Kubernetes (1.25 and newer) that a mesh uses.</summary>
public static class KnownResources
{
    /// <summary>Pods.</summary>
    public static ResourceType<Pod> Pods { get; } = new("", "v1", "pods", "Pod", ObjectJson.Of<Pod>());

    /// <summary>Services.</summary>
    public static ResourceType<Service> Services { get; } = new("", "v1", "services", "Service", ObjectJson.Of<Service>());

    /// <summary>Nodes.</summary>
    public static ResourceType<Node> Nodes { get; } = new("", "v1", "nodes", "Node", ObjectJson.Of<Node>()) { IsNamespaced = false };

    /// <summary>Namespaces.</summary>
    public static ResourceType<Namespace> Namespaces { get; } = new("", "v1", "namespaces", "Namespace", ObjectJson.Of<Namespace>()) { IsNamespaced = false };

    /// <summary>Service accounts.</summary>
    public static ResourceType<ServiceAccount> ServiceAccounts { get; } = new("", "v1", "serviceaccounts", "ServiceAccount", ObjectJson.Of<ServiceAccount>());

    /// <summary>Secrets.</summary>
    public static ResourceType<Secret> Secrets { get; } = new("", "v1", "secrets", "Secret", ObjectJson.Of<Secret>()) { IsComplete = true };

    /// <summary>ConfigMaps.</summary>
    public static ResourceType<ConfigMap> ConfigMaps { get; } = new("", "v1", "configmaps", "ConfigMap", ObjectJson.Of<ConfigMap>()) { IsComplete = true };

    /// <summary>Events.</summary>
    public static ResourceType<Event> Events { get; } = new("", "v1", "events", "Event", ObjectJson.Of<Event>());

    /// <summary>Deployments.</summary>
    public static ResourceType<Deployment> Deployments { get; } = new("apps", "v1", "deployments", "Deployment", ObjectJson.Of<Deployment>());

    /// <summary>DaemonSets.</summary>
    public static ResourceType<DaemonSet> DaemonSets { get; } = new("apps", "v1", "daemonsets", "DaemonSet", ObjectJson.Of<DaemonSet>());

    /// <summary>EndpointSlices.</summary>
    public static ResourceType<EndpointSlice> EndpointSlices { get; } = new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", ObjectJson.Of<EndpointSlice>());

    /// <summary>Network policies.</summary>
    public static ResourceType<NetworkPolicy> NetworkPolicies { get; } = new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", ObjectJson.Of<NetworkPolicy>());

    /// <summary>Leases.</summary>
    public static ResourceType<Lease> Leases { get; } = new("coordination.k8s.io", "v1", "leases", "Lease", ObjectJson.Of<Lease>()) { IsComplete = true };

    /// <summary>Token reviews.</summary>
    public static ResourceType<TokenReview> TokenReviews { get; } =
        new("authentication.k8s.io", "v1", "tokenreviews", "TokenReview", ObjectJson.Of<TokenReview>()) { IsNamespaced = false };

    /// <summary>Definitions of custom kinds.</summary>
    public static ResourceType<CustomResourceDefinition> CustomResourceDefinitions { get; } =
        new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", ObjectJson.Of<CustomResourceDefinition>()) { IsNamespaced = false };

    /// <summary>Whom the server asks before it stores objects.</summary>
    public static ResourceType<ValidatingWebhookConfiguration> ValidatingWebhookConfigurations { get; } =
        new("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", ObjectJson.Of<ValidatingWebhookConfiguration>()) { IsNamespaced = false };

    /// <summary>A kind of which only the metadata is read; its objects are applied as documents and deleted.</summary>
    /// <inheritdoc cref="ResourceType{T}(string, string, string, string, System.Text.Json.Serialization.Metadata.JsonTypeInfo{T})" path="/param"/>
    public static ResourceType<PartialObject> Partial(string group, string version, string plural, string kind) => new(group, version, plural, kind, ObjectJson.Of<PartialObject>());
}
