namespace Culvert.Kubernetes.Resources;

/// <summary>A DaemonSet (apps/v1), as far as its rollout is looked at. Most of the specification is left out: DaemonSets are applied as documents.</summary>
public sealed record DaemonSet : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "apps/v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "DaemonSet";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it is to be.</summary>
    public DaemonSetSpec Spec { get; init => field = value ?? new(); } = new();

    /// <summary>What has become of it.</summary>
    public DaemonSetStatus Status { get; init => field = value ?? new(); } = new();
}
