namespace Culvert.Kubernetes.Resources;

/// <summary>A Service.</summary>
public sealed record Service : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "Service";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it is to be.</summary>
    public ServiceSpec Spec { get; init => field = value ?? new(); } = new();

    /// <summary>What has become of it.</summary>
    public ServiceStatus Status { get; init => field = value ?? new(); } = new();
}
