namespace Culvert.Kubernetes.Resources;

/// <summary>Why a container does not run yet.</summary>
public sealed record ContainerWaiting
{
    /// <summary>Why, in a word, e.g. <c>ImagePullBackOff</c>.</summary>
    public string? Reason { get; init; }

    /// <summary>Why.</summary>
    public string? Message { get; init; }
}
