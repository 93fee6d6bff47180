namespace Culvert.Kubernetes.Resources;

/// <summary>A Deployment (apps/v1), as far as its rollout is looked at. Templates are left out: Deployments are applied as documents.</summary>
public sealed record Deployment : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "apps/v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "Deployment";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it is to be.</summary>
    public DeploymentSpec Spec { get; init => field = value ?? new(); } = new();

    /// <summary>What has become of it.</summary>
    public DeploymentStatus Status { get; init => field = value ?? new(); } = new();
}
