using Culvert.Kubernetes.Resources;

namespace Culvert.Cli.Installation;

/// <summary>Where the API has the kinds that <c>deploy</c> uses.</summary>
internal static class ManifestKinds
{
    private static readonly Dictionary<string, ResourceType<PartialObject>> ByKind = new ResourceType<PartialObject>[]
    {
        KnownResources.Partial("", "v1", "namespaces", "Namespace") with { IsNamespaced = false },
        KnownResources.Partial("", "v1", "serviceaccounts", "ServiceAccount"),
        KnownResources.Partial("", "v1", "configmaps", "ConfigMap"),
        KnownResources.Partial("", "v1", "services", "Service"),
        KnownResources.Partial("", "v1", "secrets", "Secret"),
        KnownResources.Partial("apps", "v1", "deployments", "Deployment"),
        KnownResources.Partial("apps", "v1", "daemonsets", "DaemonSet"),
        KnownResources.Partial("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
        KnownResources.Partial("rbac.authorization.k8s.io", "v1", "roles", "Role"),
        KnownResources.Partial("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
        KnownResources.Partial("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole") with { IsNamespaced = false },
        KnownResources.Partial("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding") with { IsNamespaced = false },
        KnownResources.Partial("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration") with { IsNamespaced = false },
        KnownResources.Partial("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition") with { IsNamespaced = false },
    }.ToDictionary(t => $"{t.ApiVersion}/{t.Kind}", StringComparer.Ordinal);

    /// <summary>The kind of an object.</summary>
    /// <exception cref="InvalidOperationException">It is not in the table.</exception>
    public static ResourceType<PartialObject> Of(Manifest manifest) =>
        ByKind.TryGetValue($"{manifest.ApiVersion}/{manifest.Kind}", out var type) ? type : throw new InvalidOperationException($"{manifest} is of a kind that is not known here");
}
