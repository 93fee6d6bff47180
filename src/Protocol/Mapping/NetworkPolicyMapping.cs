using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>NetworkPolicies between model and wire.</summary>
public static class NetworkPolicyMapping
{
    /// <summary>The wire form of a policy.</summary>
    public static Wire.NetworkPolicy ToWire(this NetworkPolicyInfo policy)
    {
        var wire = new Wire.NetworkPolicy
        {
            Namespace = policy.Name.Namespace,
            Name = policy.Name.Name,
            IsolatesIngress = policy.IsolatesIngress,
            IsolatesEgress = policy.IsolatesEgress,
            SourceReference = policy.SourceReference,
        };
        wire.Ingress.AddRange(policy.Ingress.Select(ToWire));
        wire.Egress.AddRange(policy.Egress.Select(ToWire));
        return wire;
    }

    /// <summary>The model of a policy.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static NetworkPolicyInfo ToModel(this Wire.NetworkPolicy policy) => new()
    {
        Name = FieldMapping.ToName(policy.Namespace, policy.Name),
        IsolatesIngress = policy.IsolatesIngress,
        IsolatesEgress = policy.IsolatesEgress,
        Ingress = policy.Ingress.Select(ToModel).ToEquatableArray(),
        Egress = policy.Egress.Select(ToModel).ToEquatableArray(),
        SourceReference = policy.SourceReference,
    };

    private static Wire.NetworkPolicyRule ToWire(NetworkPolicyRule rule)
    {
        var wire = new Wire.NetworkPolicyRule();
        foreach (NetworkPolicyPeer peer in rule.Peers)
        {
            var wirePeer = new Wire.NetworkPolicyPeer { Group = peer.Group, Block = peer.Block?.ToString() ?? "" };
            foreach (IpPrefix except in peer.Except) wirePeer.Except.Add(except.ToString());
            wire.Peers.Add(wirePeer);
        }
        foreach (NetworkPolicyPort port in rule.Ports)
            wire.Ports.Add(new Wire.NetworkPolicyPort { Protocol = (Wire.TransportProtocol)port.Protocol, First = port.First, Last = port.Last, Name = port.Name });
        return wire;
    }

    private static NetworkPolicyRule ToModel(Wire.NetworkPolicyRule rule) => new()
    {
        Peers = rule.Peers.Select(ToModel).ToEquatableArray(),
        Ports = rule.Ports.Select(ToModel).ToEquatableArray(),
    };

    // A peer that says nothing would match nothing, or, read otherwise, everything: it is refused.
    private static NetworkPolicyPeer ToModel(Wire.NetworkPolicyPeer peer) => peer.Group.Length == 0 && peer.Block.Length == 0
        ? throw new FormatException("a peer of a network policy must have a group or a block")
        : new()
        {
            Group = peer.Group,
            Block = peer.Block.Length > 0 ? IpPrefix.Parse(peer.Block) : null,
            Except = peer.Except.ToPrefixes(),
        };

    private static NetworkPolicyPort ToModel(Wire.NetworkPolicyPort port) => port.First > port.Last || port.Last > ushort.MaxValue
        ? throw new FormatException($"ports {port.First} to {port.Last} of a network policy are no range of ports")
        : new(port.Protocol.ToModel(), (ushort)port.First, (ushort)port.Last, port.Name);
}
