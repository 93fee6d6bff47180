namespace Culvert.Kubernetes.Resources;

/// <summary>Who pods run as.</summary>
public sealed record ServiceAccount : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "ServiceAccount";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>Whether its pods get a token; by default they do.</summary>
    public bool? AutomountServiceAccountToken { get; init; }
}
