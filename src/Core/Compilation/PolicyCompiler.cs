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
        PolicyInfo[] policies = [.. local.SelectMany(w => w.PolicyNames).Distinct().Where(snapshot.Policies.ContainsKey).Order().Select(n => snapshot.Policies[n])];
        var classes = new ClassTable(snapshot, new CidrSet(policies), ids.Classes);
        var signatures = policies.ToDictionary(p => p.Name, p => new SourceSignatures(p, snapshot.Mesh.TrustDomain, classes.Classes));
        var fingerprints = policies.ToDictionary(p => p.Name, PolicyFingerprint.Of);
        var compiler = new TargetPolicySetCompiler(snapshot, classes.Classes, signatures, ids);
        var targetPolicySetIds = ImmutableDictionary.CreateBuilder<string, uint>(StringComparer.Ordinal);
        var entries = new List<PolicyEntry>();
        foreach (IGrouping<string, WorkloadInfo> group in local.GroupBy(w => TargetPolicySetName(snapshot.Mesh, w, fingerprints), StringComparer.Ordinal))
        {
            uint targetPolicySet = ids.TargetPolicySets.GetOrAdd(group.Key);
            foreach (WorkloadInfo workload in group) targetPolicySetIds.Add(workload.Uid, targetPolicySet);
            PolicyEntry[] tcp = [.. compiler.Compile(targetPolicySet, group.First(), TransportProtocol.Tcp)];
            foreach (PolicyEntry entry in tcp)
            {
                entries.Add(entry);
                entries.Add(entry with { Protocol = TransportProtocol.Udp });
            }
        }
        entries.Sort(Compare);
        return new()
        {
            AddressClasses = [.. classes.Addresses],
            Classes = classes.Classes.Skip(1).ToImmutableDictionary(c => c.Id),
            TargetPolicySetIds = targetPolicySetIds.ToImmutable(),
            Entries = [.. entries],
            Rules = Rules(policies, ids.Rules),
        };
    }

    /// <summary>Names a target policy set by all that its verdicts depend on, sources aside: a changed policy makes a new target policy set.</summary>
    private static string TargetPolicySetName(MeshSettings mesh, WorkloadInfo workload, Dictionary<NamespacedName, string> fingerprints)
    {
        string policies = string.Join('\n', workload.PolicyNames.Select(n => $"{n} {fingerprints.GetValueOrDefault(n, "missing")}"));
        return PolicyFingerprint.Hash($"{workload.MtlsMode} {mesh.DefaultAction} {mesh.TrustDomain}\n{policies}");
    }

    private static ImmutableDictionary<uint, CompiledRule> Rules(IEnumerable<PolicyInfo> policies, IdAllocator ids) =>
        policies.SelectMany(p => Enumerable.Range(0, p.Rules.Count).Select(i => new CompiledRule(ids.GetOrAdd($"{p.Name}#{i}"), p.Name, i, p.SourceReference)))
            .ToImmutableDictionary(r => r.Id);

    private static int Compare(PolicyEntry a, PolicyEntry b)
    {
        int order = a.TargetPolicySetId.CompareTo(b.TargetPolicySetId);
        if (order == 0) order = a.ClassId.CompareTo(b.ClassId);
        if (order == 0) order = a.Port.CompareTo(b.Port);
        return order != 0 ? order : a.Protocol.CompareTo(b.Protocol);
    }
}
