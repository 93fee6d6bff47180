namespace Culvert.Kubernetes.Resources;

/// <summary>A network policy (networking.k8s.io/v1).</summary>
public sealed record NetworkPolicy : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "networking.k8s.io/v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "NetworkPolicy";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it says.</summary>
    public NetworkPolicySpec Spec { get; init => field = value ?? new(); } = new();
}
