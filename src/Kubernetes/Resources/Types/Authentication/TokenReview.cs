namespace Culvert.Kubernetes.Resources;

/// <summary>Asks the API server whose token it is (authentication.k8s.io/v1); can only be created.</summary>
public sealed record TokenReview : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "authentication.k8s.io/v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "TokenReview";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>The question.</summary>
    public TokenReviewSpec Spec { get; init => field = value ?? new(); } = new();

    /// <summary>The answer.</summary>
    public TokenReviewStatus Status { get; init => field = value ?? new(); } = new();
}
