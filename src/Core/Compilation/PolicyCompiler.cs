using System.Collections.Immutable;

namespace Culvert.Core;

/// <summary>Compiles a snapshot's policy into the tables that kernel maps take. Pure but for the numbers it draws from <see cref="PolicyIds"/>.</summary>
/// <remarks>All precedence is worked out here by asking <see cref="PolicyEvaluator"/>, so that a look-up needs none. Safe for any number of threads.</remarks>
public static class PolicyCompiler
{
    /// <summary>Compiles for the given workloads.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="localWorkloads">Uids of the workloads to guard; unknown ones and those not enrolled are left out.</param>
    /// <param name="ids">Where numbers come from; must be the same for all compilations of a process.</param>
    public static CompiledPolicy Compile(NodeSnapshot snapshot, IReadOnlySet<string> localWorkloads, PolicyIds ids)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(localWorkloads);
        ArgumentNullException.ThrowIfNull(ids);
        WorkloadInfo[] local =
        [
            .. localWorkloads.Where(snapshot.Workloads.ContainsKey).Select(uid => snapshot.Workloads[uid])
                .Where(w => w.Enrolled).OrderBy(w => w.Uid, StringComparer.Ordinal),
        ];
        var input = new PolicyInput(snapshot, local);
        var classes = new ClassTable(snapshot, input, ids.Classes);
        var sets = new PolicySets(snapshot, input, classes.Classes);
        var compiler = new PolicySetCompiler(classes.Classes, ids);
        var targetPolicySetIds = ImmutableDictionary.CreateBuilder<string, uint>(StringComparer.Ordinal);
        var egressPolicySetIds = ImmutableDictionary.CreateBuilder<string, uint>(StringComparer.Ordinal);
        var entries = new List<PolicyEntry>();
        foreach (IGrouping<string, WorkloadInfo> group in local.GroupBy(sets.IngressName, StringComparer.Ordinal))
        {
            uint id = ids.PolicySets.GetOrAdd(group.Key);
            foreach (WorkloadInfo workload in group) targetPolicySetIds.Add(workload.Uid, id);
            Add(sets.Ingress(id, group.First()));
        }
        foreach (IGrouping<string?, WorkloadInfo> group in local.GroupBy(sets.EgressName, StringComparer.Ordinal))
        {
            if (group.Key is null) continue;
            uint id = ids.PolicySets.GetOrAdd(group.Key);
            foreach (WorkloadInfo workload in group) egressPolicySetIds.Add(workload.Uid, id);
            Add(sets.Egress(id, group.First()));
        }
        entries.Sort(Compare);
        return new()
        {
            AddressClasses = [.. classes.Addresses],
            Classes = classes.Classes.Skip(1).ToImmutableDictionary(c => c.Id),
            TargetPolicySetIds = targetPolicySetIds.ToImmutable(),
            EgressPolicySetIds = egressPolicySetIds.ToImmutable(),
            Entries = [.. entries],
            Rules = Rules(input, ids.Rules),
        };

        void Add(PolicySet set)
        {
            PolicyEntry[] tcp = [.. compiler.Compile(set, TransportProtocol.Tcp)];
            entries.AddRange(tcp);
            entries.AddRange(set.TellsProtocolsApart ? compiler.Compile(set, TransportProtocol.Udp) : tcp.Select(e => e with { Protocol = TransportProtocol.Udp }));
        }
    }

    private static ImmutableDictionary<uint, CompiledRule> Rules(PolicyInput input, IdAllocator ids)
    {
        var rules = ImmutableDictionary.CreateBuilder<uint, CompiledRule>();
        foreach (PolicyInfo policy in input.Policies) Add(policy.Name, PolicyDirection.Ingress, first: 0, policy.Rules.Count, policy.SourceReference);
        foreach (NetworkPolicyInfo policy in input.NetworkPolicies)
        {
            PolicyReference name = new(policy.Name, PolicyKind.NetworkPolicy);
            foreach (PolicyDirection direction in Enum.GetValues<PolicyDirection>())
                Add(name, direction, first: -1, NetworkPolicyEvaluator.RulesOf(policy, direction).Count, policy.SourceReference);
        }
        return rules.ToImmutable();

        void Add(PolicyReference policy, PolicyDirection direction, int first, int count, string source)
        {
            for (int i = first; i < count; i++)
            {
                uint id = ids.GetOrAdd(CompiledRule.NameOf(policy, direction, i));
                rules.Add(id, new(id, policy, i, source));
            }
        }
    }

    private static int Compare(PolicyEntry a, PolicyEntry b)
    {
        int order = a.PolicySetId.CompareTo(b.PolicySetId);
        if (order == 0) order = a.ClassId.CompareTo(b.ClassId);
        if (order == 0) order = a.Ports.CompareTo(b.Ports);
        return order != 0 ? order : a.Protocol.CompareTo(b.Protocol);
    }
}
