namespace Culvert.Kubernetes.Resources;

/// <summary>A namespace.</summary>
public sealed record Namespace : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "Namespace";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What has become of it.</summary>
    public NamespaceStatus Status { get; init => field = value ?? new(); } = new();
}
