namespace Culvert.Kubernetes.Resources;

/// <summary>What a Deployment is to be.</summary>
public sealed record DeploymentSpec
{
    /// <summary>How many pods; null for one.</summary>
    public int? Replicas { get; init; }
}
