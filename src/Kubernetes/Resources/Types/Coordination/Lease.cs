namespace Culvert.Kubernetes.Resources;

/// <summary>A lease (coordination.k8s.io/v1): who leads, and until when.</summary>
public sealed record Lease : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "coordination.k8s.io/v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "Lease";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it says.</summary>
    public LeaseSpec Spec { get; init => field = value ?? new(); } = new();
}
