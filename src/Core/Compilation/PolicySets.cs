namespace Culvert.Core;

/// <summary>Finds out which workloads share a policy set, and makes it. Not thread-safe.</summary>
internal sealed class PolicySets
{
    private readonly NodeSnapshot _snapshot;
    private readonly IReadOnlyList<PeerClass> _classes;
    private readonly Dictionary<NamespacedName, string> _fingerprints;
    private readonly Dictionary<NamespacedName, string> _networkFingerprints;
    private readonly Dictionary<NamespacedName, ClassSignatures> _signatures;
    private readonly Dictionary<(NamespacedName, PolicyDirection), ClassSignatures> _networkSignatures = [];
    private readonly ClassSignatures _foreign;

    public PolicySets(NodeSnapshot snapshot, PolicyInput input, IReadOnlyList<PeerClass> classes)
    {
        (_snapshot, _classes) = (snapshot, classes);
        _fingerprints = input.Policies.ToDictionary(p => p.Name, PolicyFingerprint.Of);
        _networkFingerprints = input.NetworkPolicies.ToDictionary(p => p.Name, PolicyFingerprint.Of);
        _foreign = ClassSignatures.OfForeign(snapshot.Mesh.TrustDomain, classes);
        _signatures = input.Policies.ToDictionary(p => p.Name, p => ClassSignatures.Of(p, snapshot.Mesh.TrustDomain, classes));
    }

    /// <summary>Names the set that decides about what comes in to a workload by all that its verdicts depend on, peers aside: a changed policy makes a new set.</summary>
    public string IngressName(WorkloadInfo workload)
    {
        string policies = string.Join('\n', Deciding(workload).Select(n => $"{n} {_fingerprints.GetValueOrDefault(n, "missing")}"));
        return PolicyFingerprint.Hash($"{workload.MtlsMode} {_snapshot.Mesh.DefaultAction} {_snapshot.Mesh.TrustDomain}\n{policies}{NetworkPolicies(workload, PolicyDirection.Ingress)}");
    }

    /// <summary>As <see cref="IngressName"/> for what goes out of it; null where nothing isolates it.</summary>
    public string? EgressName(WorkloadInfo workload) =>
        NetworkPolicies(workload, PolicyDirection.Egress) is { Length: > 0 } policies ? PolicyFingerprint.Hash("egress" + policies) : null;

    /// <summary>The set for what comes in to a workload.</summary>
    public PolicySet Ingress(uint id, WorkloadInfo workload) => new()
    {
        Id = id,
        Direction = PolicyDirection.Ingress,
        RefusesAnonymous = workload.MtlsMode == MtlsMode.Strict,
        Ports = PortRanges.Cut(
        [
            .. Deciding(workload).Where(_snapshot.Policies.ContainsKey).SelectMany(n => _snapshot.Policies[n].Rules)
                .SelectMany(r => r.To).SelectMany(t => t.Ports.Concat(t.NotPorts)).Select(p => (p, p)),
            .. PortsOf(workload, PolicyDirection.Ingress, workload.NamedPorts),
        ]),
        Signatures =
        [
            .. Deciding(workload).Where(_signatures.ContainsKey).Select(n => _signatures[n]),
            _foreign,
            .. SignaturesOf(workload, PolicyDirection.Ingress),
        ],
        TellsProtocolsApart = Isolating(workload, PolicyDirection.Ingress).Any()
            || Deciding(workload).Where(_snapshot.Policies.ContainsKey).SelectMany(n => _snapshot.Policies[n].Rules).SelectMany(r => r.To).Any(t => t.Protocol is not null),
        Decide = from =>
        {
            NetworkPolicyMatches matches = new(_snapshot, workload, PolicyDirection.Ingress, from.Peer);
            return (port, protocol) => PolicyEvaluator.Evaluate(_snapshot, workload, from.Identity, from.Peer, port, protocol, matches.At(port, protocol, workload.NamedPorts));
        },
    };

    /// <summary>The set for what goes out of a workload.</summary>
    public PolicySet Egress(uint id, WorkloadInfo workload) => new()
    {
        Id = id,
        Direction = PolicyDirection.Egress,
        Ports = PortRanges.Cut(PortsOf(workload, PolicyDirection.Egress, _classes.SelectMany(c => c.NamedPorts))),
        Signatures = SignaturesOf(workload, PolicyDirection.Egress),
        TellsProtocolsApart = true,
        Decide = to =>
        {
            NetworkPolicyMatches matches = new(_snapshot, workload, PolicyDirection.Egress, to.Peer);
            return (port, protocol) => PolicyEvaluator.EvaluateEgress(_snapshot, workload, matches.At(port, protocol, to.NamedPorts));
        },
    };

    // Limits of rates say nothing of connections.
    private IEnumerable<NamespacedName> Deciding(WorkloadInfo workload) => workload.PolicyNames.Where(n => !_snapshot.Policies.TryGetValue(n, out PolicyInfo? policy) || policy.Action != PolicyAction.Limit);

    private IEnumerable<NetworkPolicyInfo> Isolating(WorkloadInfo workload, PolicyDirection direction) =>
        workload.NetworkPolicyNames.Where(_snapshot.NetworkPolicies.ContainsKey).Select(n => _snapshot.NetworkPolicies[n]).Where(p => NetworkPolicyEvaluator.Isolates(p, direction));

    private string NetworkPolicies(WorkloadInfo workload, PolicyDirection direction)
    {
        string[] missing = [.. workload.NetworkPolicyNames.Where(n => !_networkFingerprints.ContainsKey(n)).Select(n => $"{n} missing")];
        NetworkPolicyInfo[] isolating = [.. Isolating(workload, direction)];
        if (missing.Length + isolating.Length == 0) return "";
        // What a selected pod calls a port is part of what the policy says of it.
        HashSet<string> names = direction == PolicyDirection.Egress ? [] : [.. isolating.SelectMany(p => p.Ingress).SelectMany(r => r.Ports).Select(p => p.Name)];
        IEnumerable<string> ports = workload.NamedPorts.Where(p => names.Contains(p.Name)).Select(p => $"{p.Name} {p.Port} {p.Protocol}");
        return string.Join('\n', [$"\n{_snapshot.Mesh.NetworkPolicy}", .. missing, .. isolating.Select(p => $"{p.Name} {_networkFingerprints[p.Name]}"), .. ports]);
    }

    private IEnumerable<(ushort, ushort)> PortsOf(WorkloadInfo workload, PolicyDirection direction, IEnumerable<NamedPort> named)
    {
        NetworkPolicyPort[] ports = [.. Isolating(workload, direction).SelectMany(p => NetworkPolicyEvaluator.RulesOf(p, direction)).SelectMany(r => r.Ports).Distinct()];
        HashSet<string> names = [.. ports.Select(p => p.Name)];
        return ports.Where(p => p.Name.Length == 0).Select(p => (p.First, p.Last)).Concat(named.Where(n => names.Contains(n.Name)).Select(n => (n.Port, n.Port)).Distinct());
    }

    private ClassSignatures[] SignaturesOf(WorkloadInfo workload, PolicyDirection direction) => [.. Isolating(workload, direction).Select(policy =>
    {
        if (!_networkSignatures.TryGetValue((policy.Name, direction), out ClassSignatures? signatures))
            _networkSignatures.Add((policy.Name, direction), signatures = ClassSignatures.Of(policy, direction, _classes));
        return signatures;
    })];
}
