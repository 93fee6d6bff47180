namespace Culvert.Kubernetes.Resources;

/// <summary>What has become of a Deployment.</summary>
public sealed record DeploymentStatus
{
    /// <summary>The generation that the rest is about.</summary>
    public long ObservedGeneration { get; init; }

    /// <summary>Pods of any template.</summary>
    public int Replicas { get; init; }

    /// <summary>Pods of the present template.</summary>
    public int UpdatedReplicas { get; init; }

    /// <summary>Pods that have been ready for long enough.</summary>
    public int AvailableReplicas { get; init; }

    /// <summary>Pods that are there and not available, of whichever template.</summary>
    public int UnavailableReplicas { get; init; }
}
