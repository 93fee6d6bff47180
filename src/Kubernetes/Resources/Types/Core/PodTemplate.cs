namespace Culvert.Kubernetes.Resources;

/// <summary>What pods of a set are made of.</summary>
public sealed record PodTemplate
{
    /// <summary>What a pod is to be.</summary>
    public PodSpec Spec { get; init => field = value ?? new(); } = new();
}
