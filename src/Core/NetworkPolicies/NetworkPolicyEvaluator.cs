namespace Culvert.Core;

/// <summary>
/// What NetworkPolicies mean, as Kubernetes has it: a pod that no policy selects for a direction is open in that direction; one that some select takes
/// or makes only what a rule of any of them allows. Pods are told by their addresses, never by identity. Pure; safe for any number of threads.
/// </summary>
/// <remarks>That a pod reaches itself, and its own node the pod, is for those to say who know both addresses (<see cref="PolicyEvaluator"/>, the kernel's programs).</remarks>
internal static class NetworkPolicyEvaluator
{
    /// <summary>Whether a connection from <paramref name="source"/> may come in at <paramref name="destination"/>.</summary>
    public static NetworkPolicyOutcome EvaluateIngress(NodeSnapshot snapshot, WorkloadInfo destination, in PolicyPeer source, ushort port, TransportProtocol protocol) =>
        Evaluate(snapshot, destination, PolicyDirection.Ingress, source, destination.NamedPorts, port, protocol);

    /// <summary>Whether a connection of <paramref name="source"/> may go out to <paramref name="destination"/>.</summary>
    public static NetworkPolicyOutcome EvaluateEgress(NodeSnapshot snapshot, WorkloadInfo source, in PolicyPeer destination, ushort port, TransportProtocol protocol) =>
        Evaluate(snapshot, source, PolicyDirection.Egress, destination, destination.NamedPorts, port, protocol);

    /// <summary>Whether it depends on who comes whether a connection may come in at a port: NetworkPolicies isolate it, and let some in there.</summary>
    public static bool AsksForPeer(NodeSnapshot snapshot, WorkloadInfo destination, ushort port, TransportProtocol protocol)
    {
        if (EvaluateIngress(snapshot, destination, new PolicyPeer(Block: null, [], []), port, protocol).Effect != NetworkPolicyEffect.Isolated) return false;
        foreach (NamespacedName name in destination.NetworkPolicyNames)
        {
            NetworkPolicyInfo policy = snapshot.NetworkPolicies[name]; // that it isolates says that none is missing
            if (policy.IsolatesIngress && policy.Ingress.Any(r => MatchesPort(r, port, protocol, destination.NamedPorts))) return true;
        }

        return false;
    }

    /// <summary>Whether a policy isolates what it selects in a direction.</summary>
    public static bool Isolates(NetworkPolicyInfo policy, PolicyDirection direction) => direction == PolicyDirection.Ingress ? policy.IsolatesIngress : policy.IsolatesEgress;

    /// <summary>The rules of a policy for a direction.</summary>
    public static EquatableArray<NetworkPolicyRule> RulesOf(NetworkPolicyInfo policy, PolicyDirection direction) => direction == PolicyDirection.Ingress ? policy.Ingress : policy.Egress;

    /// <summary>Whether any peer of the rule is meant.</summary>
    public static bool MatchesPeer(NetworkPolicyRule rule, in PolicyPeer peer)
    {
        foreach (NetworkPolicyPeer candidate in rule.Peers)
        {
            if (candidate.Block is { } block ? Holds(block, candidate.Except, peer.Block) : peer.Groups.AsSpan().Contains(candidate.Group)) return true;
        }
        return rule.Peers.IsEmpty;
    }

    private static NetworkPolicyOutcome Evaluate(
        NodeSnapshot snapshot, WorkloadInfo selected, PolicyDirection direction, in PolicyPeer peer, EquatableArray<NamedPort> named, ushort port, TransportProtocol protocol)
    {
        NamespacedName? isolating = null;
        foreach (NamespacedName name in selected.NetworkPolicyNames)
        {
            if (!snapshot.NetworkPolicies.TryGetValue(name, out NetworkPolicyInfo? policy)) return new(NetworkPolicyEffect.Missing, name, -1);
            if (!Isolates(policy, direction)) continue;
            isolating ??= name;
            EquatableArray<NetworkPolicyRule> rules = RulesOf(policy, direction);
            for (int i = 0; i < rules.Count; i++)
            {
                if (MatchesPort(rules[i], port, protocol, named) && MatchesPeer(rules[i], peer)) return new(NetworkPolicyEffect.Allowed, name, i);
            }
        }
        return isolating is { } first ? new(NetworkPolicyEffect.Isolated, first, -1) : default;
    }

    /// <summary>Whether any port of the rule is meant, at a destination that has those names.</summary>
    public static bool MatchesPort(NetworkPolicyRule rule, ushort port, TransportProtocol protocol, EquatableArray<NamedPort> named)
    {
        foreach (NetworkPolicyPort candidate in rule.Ports)
        {
            if (candidate.Covers(port, protocol, named)) return true;
        }
        return rule.Ports.IsEmpty;
    }

    private static bool Holds(IpPrefix block, EquatableArray<IpPrefix> except, IpPrefix? peer)
    {
        if (peer is not { } inner || !block.Contains(inner)) return false;
        foreach (IpPrefix part in except)
        {
            if (part.Contains(inner)) return false;
        }
        return true;
    }
}
