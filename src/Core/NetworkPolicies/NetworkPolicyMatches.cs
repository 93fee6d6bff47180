namespace Culvert.Core;

/// <summary>
/// What NetworkPolicies say of one peer of a workload in one direction, whatever the port: which rules mean the peer is found out once, and asked for each port among those few.
/// Says what <see cref="NetworkPolicyEvaluator"/> says. Immutable.
/// </summary>
internal sealed class NetworkPolicyMatches
{
    private readonly List<(NamespacedName Policy, int Index, NetworkPolicyRule Rule)> _rules = [];
    private readonly NamespacedName? _isolating;
    private readonly NamespacedName? _missing;

    /// <param name="snapshot">The snapshot.</param>
    /// <param name="selected">The workload that policies select.</param>
    /// <param name="direction">Which of its connections.</param>
    /// <param name="peer">The other end.</param>
    public NetworkPolicyMatches(NodeSnapshot snapshot, WorkloadInfo selected, PolicyDirection direction, in PolicyPeer peer)
    {
        foreach (NamespacedName name in selected.NetworkPolicyNames)
        {
            if (!snapshot.NetworkPolicies.TryGetValue(name, out NetworkPolicyInfo? policy))
            {
                // What comes before it may still allow.
                _missing = name;
                return;
            }
            if (!NetworkPolicyEvaluator.Isolates(policy, direction)) continue;
            _isolating ??= name;
            EquatableArray<NetworkPolicyRule> rules = NetworkPolicyEvaluator.RulesOf(policy, direction);
            for (int i = 0; i < rules.Count; i++)
            {
                if (NetworkPolicyEvaluator.MatchesPeer(rules[i], peer)) _rules.Add((name, i, rules[i]));
            }
        }
    }

    /// <summary>What they say of a port.</summary>
    /// <param name="port">The destination port.</param>
    /// <param name="protocol">Its protocol.</param>
    /// <param name="named">What the destination calls its ports.</param>
    public NetworkPolicyOutcome At(ushort port, TransportProtocol protocol, EquatableArray<NamedPort> named)
    {
        foreach ((NamespacedName policy, int index, NetworkPolicyRule rule) in _rules)
        {
            if (NetworkPolicyEvaluator.MatchesPort(rule, port, protocol, named)) return new(NetworkPolicyEffect.Allowed, policy, index);
        }
        if (_missing is { } missing) return new(NetworkPolicyEffect.Missing, missing, -1);
        return _isolating is { } first ? new(NetworkPolicyEffect.Isolated, first, -1) : default;
    }
}
