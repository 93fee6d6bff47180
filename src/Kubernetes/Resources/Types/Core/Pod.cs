namespace Culvert.Kubernetes.Resources;

/// <summary>A pod, as far as a mesh looks at it.</summary>
public sealed record Pod : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "Pod";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it is to be.</summary>
    public PodSpec Spec { get; init => field = value ?? new(); } = new();

    /// <summary>What has become of it.</summary>
    public PodStatus Status { get; init => field = value ?? new(); } = new();
}
