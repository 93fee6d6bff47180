namespace Culvert.Core;

/// <summary>A class of addresses, as the source or the destination of connections, that no policy can tell apart.</summary>
/// <param name="Id">Its number, from 1; class 0 is the world: no identity, in no prefix that a policy names and in no peer group.</param>
/// <param name="Identity">The proven identity, or null for an anonymous class.</param>
/// <param name="Cidr">The longest prefix named by a policy that holds the address, or null. It stands for all shorter ones that hold it as well.</param>
public sealed record PeerClass(uint Id, SpiffeId? Identity, IpPrefix? Cidr)
{
    /// <summary>Those peer groups of the pod that NetworkPolicies of this node name.</summary>
    public EquatableArray<string> Groups { get; init; }

    /// <summary>Those named ports of the pod that NetworkPolicies of this node name, when they are about what leaves it.</summary>
    public EquatableArray<NamedPort> NamedPorts { get; init; }

    /// <summary>The class as NetworkPolicies see it.</summary>
    internal PolicyPeer Peer => new(Cidr, Groups, NamedPorts);
}
