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
    /// <param name="mostEntries">How many entries there is room for.</param>
    public static CompiledPolicy Compile(NodeSnapshot snapshot, IReadOnlySet<string> localWorkloads, PolicyIds ids, int mostEntries = int.MaxValue)
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
        List<Written> written = [];
        foreach (IGrouping<string, WorkloadInfo> group in local.GroupBy(sets.IngressName, StringComparer.Ordinal))
            written.Add(Write(compiler, sets.Ingress(ids.PolicySets.GetOrAdd(group.Key), group.First()), group.Key, [.. group]));
        foreach (IGrouping<string?, WorkloadInfo> group in local.GroupBy(sets.EgressName, StringComparer.Ordinal))
        {
            if (group.Key is not null) written.Add(Write(compiler, sets.Egress(ids.PolicySets.GetOrAdd(group.Key), group.First()), group.Key, [.. group]));
        }
        List<ClosedPolicy> closed = Close(written, mostEntries, ids.PolicySets);
        PolicyEntry[] entries = [.. written.SelectMany(w => w.Entries)];
        Array.Sort(entries, Compare);
        return new()
        {
            AddressClasses = [.. classes.Addresses],
            Classes = classes.Classes.Skip(1).ToImmutableDictionary(c => c.Id),
            TargetPolicySetIds = IdsOf(PolicyDirection.Ingress),
            EgressPolicySetIds = IdsOf(PolicyDirection.Egress),
            Entries = [.. entries],
            Closed = [.. closed.OrderBy(c => c.Workload, StringComparer.Ordinal).ThenBy(c => c.Direction)],
            Rules = Rules(input, ids.Rules),
        };

        ImmutableDictionary<string, uint> IdsOf(PolicyDirection direction) =>
            written.Where(w => w.Direction == direction).SelectMany(w => w.Workloads.Select(workload => KeyValuePair.Create(workload.Uid, w.Id))).ToImmutableDictionary(StringComparer.Ordinal);
    }

    private static Written Write(PolicySetCompiler compiler, PolicySet set, string name, WorkloadInfo[] workloads)
    {
        PolicyEntry[] tcp = [.. compiler.Compile(set, TransportProtocol.Tcp)];
        IEnumerable<PolicyEntry> udp = set.TellsProtocolsApart ? compiler.Compile(set, TransportProtocol.Udp) : tcp.Select(e => e with { Protocol = TransportProtocol.Udp });
        return new(set.Id, name, set.Direction, workloads, [.. tcp, .. udp]);
    }

    /// <summary>Has sets refuse all until there is room for the others: those of the namespace that needs most, its largest first, then those of the next.</summary>
    private static List<ClosedPolicy> Close(List<Written> written, int most, IdAllocator ids)
    {
        List<ClosedPolicy> closed = [];
        int left = written.Sum(w => w.Entries.Length);
        IEnumerable<Written> order = written.GroupBy(w => w.Workloads[0].Namespace, StringComparer.Ordinal).OrderByDescending(n => n.Sum(w => w.Entries.Length)).SelectMany(n => n.OrderByDescending(w => w.Entries.Length));
        foreach (Written large in order.ToArray())
        {
            if (left <= most) break;
            DecisionReason reason = large.Direction == PolicyDirection.Ingress ? DecisionReason.NetworkPolicyIngress : DecisionReason.NetworkPolicyEgress;

            // Entries of a number never change their meaning.
            uint id = ids.GetOrAdd($"{large.Name} closed");
            PolicyEntry[] refusing = [.. Enum.GetValues<TransportProtocol>().Select(p => new PolicyEntry(id, PolicyEntry.AnyClass, PortPrefix.Any, p, Verdict.Deny, false, reason, 0))];
            if (large.Entries.Length <= refusing.Length) continue;
            left += refusing.Length - large.Entries.Length;
            written[written.IndexOf(large)] = large with { Id = id, Entries = refusing };
            closed.AddRange(large.Workloads.Select(w => new ClosedPolicy(w.Uid, large.Direction)));
        }
        return closed;
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

    /// <summary>A policy set that is written.</summary>
    /// <param name="Id">Its number.</param>
    /// <param name="Name">What it has that by.</param>
    /// <param name="Direction">What it decides about.</param>
    /// <param name="Workloads">Whose it is.</param>
    /// <param name="Entries">Its entries.</param>
    private sealed record Written(uint Id, string Name, PolicyDirection Direction, WorkloadInfo[] Workloads, PolicyEntry[] Entries);
}
