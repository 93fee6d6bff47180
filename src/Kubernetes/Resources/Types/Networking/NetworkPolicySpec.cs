namespace Culvert.Kubernetes.Resources;

/// <summary>What a network policy says.</summary>
public sealed record NetworkPolicySpec
{
    /// <summary>The pods it is about.</summary>
    public LabelSelector PodSelector { get; init => field = value ?? new(); } = new();

    /// <summary>Who may come in.</summary>
    public IReadOnlyList<NetworkPolicyIngressRule> Ingress { get; init => field = value ?? []; } = [];

    /// <summary>Where they may go.</summary>
    public IReadOnlyList<NetworkPolicyEgressRule> Egress { get; init => field = value ?? []; } = [];

    /// <summary>Ingress, Egress or both.</summary>
    public IReadOnlyList<string> PolicyTypes { get; init => field = value ?? []; } = [];
}
