namespace Culvert.Core;

/// <summary>A rule of a NetworkPolicy: allows what any of its peers has at its other end, at any of its ports.</summary>
public sealed record NetworkPolicyRule
{
    /// <summary>Who may be at the other end; empty: everybody.</summary>
    public EquatableArray<NetworkPolicyPeer> Peers { get; init; }

    /// <summary>The destination ports; empty: every one.</summary>
    public EquatableArray<NetworkPolicyPort> Ports { get; init; }
}
