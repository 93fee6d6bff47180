namespace Culvert.Kubernetes.Resources;

/// <summary>A node.</summary>
public sealed record Node : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "Node";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it is to be.</summary>
    public NodeSpec Spec { get; init => field = value ?? new(); } = new();

    /// <summary>What has become of it.</summary>
    public NodeStatus Status { get; init => field = value ?? new(); } = new();
}
