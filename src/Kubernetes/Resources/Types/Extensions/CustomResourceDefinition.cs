namespace Culvert.Kubernetes.Resources;

/// <summary>A custom kind (apiextensions.k8s.io/v1). Schemas are left out: definitions are applied as documents.</summary>
public sealed record CustomResourceDefinition : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "apiextensions.k8s.io/v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "CustomResourceDefinition";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it is to be.</summary>
    public CustomResourceDefinitionSpec Spec { get; init => field = value ?? new(); } = new();

    /// <summary>What has become of it.</summary>
    public CustomResourceDefinitionStatus Status { get; init => field = value ?? new(); } = new();
}
