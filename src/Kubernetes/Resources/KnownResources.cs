using System.Text.Json.Serialization.Metadata;
using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>
/// The kinds of Kubernetes (1.25 and newer) that a mesh uses, with the package's models. Where <see cref="ResourceType{T}.IsComplete"/> is false,
/// an object that was read may lack fields.
/// </summary>
public static class KnownResources
{
    /// <summary>Pods.</summary>
    public static ResourceType<V1Pod> Pods { get; } =
        new(V1Pod.KubeGroup, V1Pod.KubeApiVersion, V1Pod.KubePluralName, V1Pod.KubeKind,
            ObjectJson.Of<V1Pod>());

    /// <summary>Services.</summary>
    public static ResourceType<V1Service> Services { get; } =
        new(V1Service.KubeGroup, V1Service.KubeApiVersion, V1Service.KubePluralName, V1Service.KubeKind,
            ObjectJson.Of<V1Service>());

    /// <summary>Nodes.</summary>
    public static ResourceType<V1Node> Nodes { get; } =
        new(V1Node.KubeGroup, V1Node.KubeApiVersion, V1Node.KubePluralName, V1Node.KubeKind,
            ObjectJson.Of<V1Node>())
        { IsNamespaced = false };

    /// <summary>Namespaces.</summary>
    public static ResourceType<V1Namespace> Namespaces { get; } =
        new(V1Namespace.KubeGroup, V1Namespace.KubeApiVersion, V1Namespace.KubePluralName, V1Namespace.KubeKind,
            ObjectJson.Of<V1Namespace>())
        { IsNamespaced = false };

    /// <summary>Service accounts.</summary>
    public static ResourceType<V1ServiceAccount> ServiceAccounts { get; } =
        new(V1ServiceAccount.KubeGroup, V1ServiceAccount.KubeApiVersion, V1ServiceAccount.KubePluralName, V1ServiceAccount.KubeKind,
            ObjectJson.Of<V1ServiceAccount>());

    /// <summary>Secrets.</summary>
    public static ResourceType<V1Secret> Secrets { get; } =
        new(V1Secret.KubeGroup, V1Secret.KubeApiVersion, V1Secret.KubePluralName, V1Secret.KubeKind,
            ObjectJson.Of<V1Secret>())
        { IsComplete = true };

    /// <summary>ConfigMaps.</summary>
    public static ResourceType<V1ConfigMap> ConfigMaps { get; } =
        new(V1ConfigMap.KubeGroup, V1ConfigMap.KubeApiVersion, V1ConfigMap.KubePluralName, V1ConfigMap.KubeKind,
            ObjectJson.Of<V1ConfigMap>())
        { IsComplete = true };

    /// <summary>Events.</summary>
    public static ResourceType<Corev1Event> Events { get; } =
        new(Corev1Event.KubeGroup, Corev1Event.KubeApiVersion, Corev1Event.KubePluralName, Corev1Event.KubeKind,
            ObjectJson.Of<Corev1Event>());

    /// <summary>Deployments.</summary>
    public static ResourceType<V1Deployment> Deployments { get; } =
        new(V1Deployment.KubeGroup, V1Deployment.KubeApiVersion, V1Deployment.KubePluralName, V1Deployment.KubeKind,
            ObjectJson.Of<V1Deployment>());

    /// <summary>DaemonSets.</summary>
    public static ResourceType<V1DaemonSet> DaemonSets { get; } =
        new(V1DaemonSet.KubeGroup, V1DaemonSet.KubeApiVersion, V1DaemonSet.KubePluralName, V1DaemonSet.KubeKind,
            ObjectJson.Of<V1DaemonSet>());

    /// <summary>Network policies.</summary>
    public static ResourceType<V1NetworkPolicy> NetworkPolicies { get; } =
        new(V1NetworkPolicy.KubeGroup, V1NetworkPolicy.KubeApiVersion, V1NetworkPolicy.KubePluralName, V1NetworkPolicy.KubeKind,
            ObjectJson.Of<V1NetworkPolicy>());

    /// <summary>Leases.</summary>
    public static ResourceType<Lease> Leases { get; } =
        new(V1Lease.KubeGroup, V1Lease.KubeApiVersion, V1Lease.KubePluralName, V1Lease.KubeKind,
            ObjectJson.Of<Lease>())
        { IsComplete = true };

    /// <summary>Token reviews.</summary>
    public static ResourceType<V1TokenReview> TokenReviews { get; } =
        new(V1TokenReview.KubeGroup, V1TokenReview.KubeApiVersion, "tokenreviews", V1TokenReview.KubeKind,
            ObjectJson.Of<V1TokenReview>())
        { IsNamespaced = false }; // the package has no plural for it

    /// <summary>Definitions of custom kinds.</summary>
    public static ResourceType<V1CustomResourceDefinition> CustomResourceDefinitions { get; } =
        new(V1CustomResourceDefinition.KubeGroup, V1CustomResourceDefinition.KubeApiVersion,
            V1CustomResourceDefinition.KubePluralName, V1CustomResourceDefinition.KubeKind,
            ObjectJson.Of<V1CustomResourceDefinition>())
        { IsNamespaced = false };

    /// <summary>Webhooks that the server asks before it stores objects.</summary>
    public static ResourceType<V1ValidatingWebhookConfiguration> ValidatingWebhookConfigurations { get; } =
        new(V1ValidatingWebhookConfiguration.KubeGroup, V1ValidatingWebhookConfiguration.KubeApiVersion,
            V1ValidatingWebhookConfiguration.KubePluralName, V1ValidatingWebhookConfiguration.KubeKind,
            ObjectJson.Of<V1ValidatingWebhookConfiguration>())
        { IsNamespaced = false };

    /// <summary>
    /// How metadata is read, for types of other projects: without managed fields, and with empty collections in place of those that are
    /// missing.
    /// </summary>
    public static JsonTypeInfo<V1ObjectMeta> Metadata { get; } = ObjectJson.Of<V1ObjectMeta>();

    /// <summary>A kind of which only the metadata is read; its objects are applied as documents and deleted.</summary>
    /// <inheritdoc cref="ResourceType{T}(string, string, string, string, JsonTypeInfo{T})" path="/param"/>
    public static ResourceType<PartialObject> Partial(string group, string version, string plural, string kind) => new(group, version, plural, kind, ObjectJson.Of<PartialObject>());
}
