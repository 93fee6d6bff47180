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

    /// <summary>The places, in the list as declared, of ports of a protocol that the mesh does not carry; they are not among <see cref="Ports"/>. None are told of a rule with errors.</summary>
    public EquatableArray<int> PortsNotCarried { get; init; }

    /// <summary>The ports that the mesh carries, each with its place in the list as declared.</summary>
    public IEnumerable<(int Place, NetworkPolicyPort Port)> PlacedPorts => Enumerable.Range(0, Ports.Count + PortsNotCarried.Count).Except(PortsNotCarried).Zip(Ports);
}
