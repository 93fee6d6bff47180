namespace Culvert.Kubernetes.Resources;

/// <summary>What a DaemonSet is to be.</summary>
public sealed record DaemonSetSpec
{
    /// <summary>What its pods are made of.</summary>
    public PodTemplate Template { get; init => field = value ?? new(); } = new();
}
