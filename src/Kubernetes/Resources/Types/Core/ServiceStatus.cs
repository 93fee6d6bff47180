namespace Culvert.Kubernetes.Resources;

/// <summary>What has become of a Service.</summary>
public sealed record ServiceStatus
{
    /// <summary>Where its load balancer is.</summary>
    public LoadBalancerStatus LoadBalancer { get; init => field = value ?? new(); } = new();

    /// <summary>Its conditions.</summary>
    public IReadOnlyList<Condition> Conditions { get; init => field = value ?? []; } = [];
}
