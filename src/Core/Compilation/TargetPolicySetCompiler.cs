namespace Culvert.Core;

/// <summary>Writes the entries of one target policy set: asks the oracle once per distinguishable (source, port) and leaves out what a fallback says anyway.</summary>
internal sealed class TargetPolicySetCompiler
{
    private readonly NodeSnapshot _snapshot;
    private readonly IReadOnlyList<SourceClass> _classes;
    private readonly IReadOnlyDictionary<NamespacedName, SourceSignatures> _signatures;
    private readonly PolicyIds _ids;
    private readonly int[] _authenticated;
    private readonly int[] _anonymous;
    private readonly Dictionary<(int, int), int> _combined = [];

    public TargetPolicySetCompiler(NodeSnapshot snapshot, IReadOnlyList<SourceClass> classes, IReadOnlyDictionary<NamespacedName, SourceSignatures> signatures, PolicyIds ids)
    {
        (_snapshot, _classes, _signatures, _ids) = (snapshot, classes, signatures, ids);
        _authenticated = [.. Enumerable.Range(0, classes.Count).Where(i => classes[i].Identity is not null)];
        _anonymous = [.. Enumerable.Range(0, classes.Count).Where(i => classes[i].Identity is null)];
    }

    /// <summary>The entries of <paramref name="targetPolicySet"/>, for which <paramref name="workload"/> stands, for one protocol.</summary>
    public IEnumerable<PolicyEntry> Compile(uint targetPolicySet, WorkloadInfo workload, TransportProtocol protocol)
    {
        ushort[] ports = Ports(workload);
        ushort other = OtherPort(ports);
        bool strict = workload.MtlsMode == MtlsMode.Strict;
        SourceSignatures[] policies = [.. workload.PolicyNames.Where(_signatures.ContainsKey).Select(n => _signatures[n])];
        HashSet<int> special = [.. policies.SelectMany(p => p.Differing)];
        int usual = UsualClass(strict, special);
        PolicyEntry anyAny = Ask(usual, other) with { Port = 0 };
        PolicyEntry[] any = [.. ports.Select(p => Ask(usual, p))];
        yield return anyAny;
        foreach (PolicyEntry entry in any)
        {
            if (!Same(entry, anyAny)) yield return entry;
        }

        if (usual != 0) special.UnionWith(_anonymous);
        var rows = new Dictionary<int, PolicyEntry[]>();
        foreach (int index in special)
        {
            int signature = Combine(policies, index, strict);
            if (!rows.TryGetValue(signature, out PolicyEntry[]? row)) rows.Add(signature, row = Row(index));
            foreach (PolicyEntry entry in row) yield return entry with { ClassId = _classes[index].Id };
        }

        PolicyEntry[] Row(int index)
        {
            PolicyEntry wide = Ask(index, other) with { Port = 0 };
            bool own = !Same(wide, anyAny);
            IEnumerable<PolicyEntry> narrow = ports.Select(p => Ask(index, p)).Where((entry, i) => !Same(entry, own ? wide : any[i]));
            return own ? [wide, .. narrow] : [.. narrow];
        }

        PolicyEntry Ask(int index, ushort port)
        {
            Decision d = PolicyEvaluator.Evaluate(_snapshot, workload, _classes[index].Identity, _classes[index].Cidr, port);
            uint rule = d.RuleIndex >= 0 ? _ids.Rules.GetOrAdd($"{d.Policy}#{d.RuleIndex}") : 0;
            return new(targetPolicySet, PolicyEntry.AnyClass, port, protocol, d.Verdict, !d.AuditPolicies.IsEmpty, d.Reason, rule);
        }
    }

    /// <summary>
    /// The class that the entries for any class are made of: the world; for a strict target policy set, which the world is not let near anyway,
    /// an identity that no rule singles out. All that differ from it get entries of their own.
    /// </summary>
    private int UsualClass(bool strict, HashSet<int> special) => strict ? _authenticated.FirstOrDefault(i => !special.Contains(i)) : 0;

    private static bool Same(in PolicyEntry a, in PolicyEntry b) =>
        a.Verdict == b.Verdict && a.Audit == b.Audit && a.Reason == b.Reason && a.RuleId == b.RuleId;

    private ushort[] Ports(WorkloadInfo workload) =>
    [
        .. workload.PolicyNames.Where(_snapshot.Policies.ContainsKey).SelectMany(n => _snapshot.Policies[n].Rules)
            .SelectMany(r => r.To).SelectMany(t => t.Ports.Concat(t.NotPorts)).Distinct().Order(),
    ];

    /// <summary>A port that stands for all that are not named; 0, which no packet carries, when every port is named.</summary>
    private static ushort OtherPort(ushort[] sorted)
    {
        ushort port = 1;
        foreach (ushort named in sorted)
        {
            if (named == port) port++;
        }
        return port;
    }

    private int Combine(SourceSignatures[] policies, int classIndex, bool strict)
    {
        int combined = strict && _classes[classIndex].Identity is not null ? 1 : 0;
        foreach (SourceSignatures policy in policies)
        {
            (int, int) key = (combined, policy[classIndex]);
            if (!_combined.TryGetValue(key, out combined)) _combined.Add(key, combined = _combined.Count + 2);
        }
        return combined;
    }
}
