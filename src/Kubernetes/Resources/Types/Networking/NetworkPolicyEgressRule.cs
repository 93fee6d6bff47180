namespace Culvert.Kubernetes.Resources;

/// <summary>Where pods may go.</summary>
public sealed record NetworkPolicyEgressRule
{
    /// <summary>To which ports; all when empty.</summary>
    public IReadOnlyList<NetworkPolicyPort> Ports { get; init => field = value ?? []; } = [];

    /// <summary>To whom; anybody when empty.</summary>
    public IReadOnlyList<NetworkPolicyPeer> To { get; init => field = value ?? []; } = [];
}
