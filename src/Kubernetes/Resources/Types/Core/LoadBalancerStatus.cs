namespace Culvert.Kubernetes.Resources;

/// <summary>Where a load balancer is.</summary>
public sealed record LoadBalancerStatus
{
    /// <summary>Its addresses.</summary>
    public IReadOnlyList<LoadBalancerIngress> Ingress { get; init => field = value ?? []; } = [];
}
