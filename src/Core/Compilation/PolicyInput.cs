namespace Culvert.Core;

/// <summary>The policies that one node's tables are compiled of, and what they name of peers.</summary>
internal sealed class PolicyInput
{
    public PolicyInput(NodeSnapshot snapshot, IReadOnlyCollection<WorkloadInfo> local)
    {
        Policies = [.. local.SelectMany(w => w.PolicyNames).Distinct().Where(snapshot.Policies.ContainsKey).Order().Select(n => snapshot.Policies[n]).Where(p => p.Action != PolicyAction.Limit)];
        NetworkPolicies = [.. local.SelectMany(w => w.NetworkPolicyNames).Distinct().Where(snapshot.NetworkPolicies.ContainsKey).Order().Select(n => snapshot.NetworkPolicies[n])];
        NetworkPolicyPeer[] peers = [.. NetworkPolicies.SelectMany(p => p.Ingress.Concat(p.Egress)).SelectMany(r => r.Peers)];
        Groups = [.. peers.Select(p => p.Group).Where(g => g.Length > 0)];
        EgressPortNames = [.. NetworkPolicies.SelectMany(p => p.Egress).SelectMany(r => r.Ports).Select(p => p.Name).Where(n => n.Length > 0)];
        Cidrs = new CidrSet(
        [
            .. Policies.SelectMany(p => p.Rules).SelectMany(r => r.From).SelectMany(s => s.IpBlocks.Concat(s.NotIpBlocks)),
            .. peers.Where(p => p.Block is not null).SelectMany(p => p.Except.Prepend(p.Block!.Value)),
        ]);
    }

    /// <summary>The AuthorizationPolicies, by name.</summary>
    public IReadOnlyList<PolicyInfo> Policies { get; }

    /// <summary>The NetworkPolicies, by name.</summary>
    public IReadOnlyList<NetworkPolicyInfo> NetworkPolicies { get; }

    /// <summary>The prefixes that any policy names.</summary>
    public CidrSet Cidrs { get; }

    /// <summary>The peer groups that NetworkPolicies name.</summary>
    private HashSet<string> Groups { get; }

    /// <summary>The ports of destinations that they call by name.</summary>
    private HashSet<string> EgressPortNames { get; }

    /// <summary>What these policies can tell of a workload's address, identity aside.</summary>
    public PolicyPeer Describe(IpPrefix? cidr, WorkloadInfo workload) => new(
        cidr,
        Groups.Count == 0 ? [] : workload.PeerGroups.Where(Groups.Contains).ToEquatableArray(),
        EgressPortNames.Count == 0 ? [] : workload.NamedPorts.Where(p => EgressPortNames.Contains(p.Name)).ToEquatableArray());
}
