using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A rule of a <see cref="NetworkPolicyObject"/>.</summary>
internal sealed record NetworkPolicyRuleObject
{
    /// <summary>Who may be at the other end; empty: everybody.</summary>
    public EquatableArray<NetworkPolicyPeerObject> Peers { get; init; }

    /// <summary>The destination ports that the mesh carries; empty: every one, unless <see cref="MatchesNothing"/>.</summary>
    public EquatableArray<NetworkPolicyPort> Ports { get; init; }

    /// <summary>Whether all its ports are of a protocol that the mesh does not carry (SCTP).</summary>
    public bool MatchesNothing { get; init; }
}
