namespace Culvert.Kubernetes.Resources;

/// <summary>Who may come in.</summary>
public sealed record NetworkPolicyIngressRule
{
    /// <summary>At which ports; all when empty.</summary>
    public IReadOnlyList<NetworkPolicyPort> Ports { get; init => field = value ?? []; } = [];

    /// <summary>From whom; anybody when empty.</summary>
    public IReadOnlyList<NetworkPolicyPeer> From { get; init => field = value ?? []; } = [];
}
