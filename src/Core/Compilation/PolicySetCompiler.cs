namespace Culvert.Core;

/// <summary>Writes the entries of one policy set: asks the oracle once per distinguishable (class of peers, range of ports) and leaves out what a fallback says anyway.</summary>
internal sealed class PolicySetCompiler
{
    private readonly IReadOnlyList<PeerClass> _classes;
    private readonly PolicyIds _ids;
    private readonly int[] _authenticated;
    private readonly int[] _anonymous;
    private readonly Dictionary<(int, int), int> _combined = [];
    private readonly Dictionary<(PolicyReference, PolicyDirection, int), uint> _rules = [];

    public PolicySetCompiler(IReadOnlyList<PeerClass> classes, PolicyIds ids)
    {
        (_classes, _ids) = (classes, ids);
        _authenticated = [.. Enumerable.Range(0, classes.Count).Where(i => classes[i].Identity is not null)];
        _anonymous = [.. Enumerable.Range(0, classes.Count).Where(i => classes[i].Identity is null)];
    }

    /// <summary>The entries of a set for one protocol.</summary>
    public IEnumerable<PolicyEntry> Compile(PolicySet set, TransportProtocol protocol)
    {
        IReadOnlyList<(ushort First, ushort Last)> ranges = set.Ports.All;
        HashSet<int> special = [.. set.Signatures.SelectMany(p => p.Differing)];
        int usual = UsualClass(set.RefusesAnonymous, special);
        PolicyEntry[] any = new PolicyEntry[ranges.Count], asked = new PolicyEntry[ranges.Count];
        Ask(usual, any);
        PolicyEntry anyAny = any[set.Ports.Widest];
        foreach (PolicyEntry entry in Write(any, PolicyEntry.AnyClass, own: true, _ => anyAny)) yield return entry;

        if (usual != 0) special.UnionWith(_anonymous);
        var rows = new Dictionary<int, PolicyEntry[]>();
        foreach (int index in special)
        {
            int signature = Combine(set, index);
            if (!rows.TryGetValue(signature, out PolicyEntry[]? row))
            {
                Ask(index, asked);
                PolicyEntry wide = asked[set.Ports.Widest];
                bool own = !Same(wide, anyAny);
                rows.Add(signature, row = [.. Write(asked, PolicyEntry.AnyClass, own, i => own ? wide : any[i])]);
            }
            foreach (PolicyEntry entry in row) yield return entry with { ClassId = _classes[index].Id };
        }

        void Ask(int index, PolicyEntry[] answers)
        {
            Func<ushort, TransportProtocol, Decision> decide = set.Decide(_classes[index]);
            for (int i = 0; i < answers.Length; i++)
            {
                Decision d = decide(ranges[i].First, protocol);
                uint rule = d.Policy is { } policy ? RuleId(policy, set.Direction, d.RuleIndex) : 0;
                answers[i] = new(set.Id, PolicyEntry.AnyClass, PortPrefix.Any, protocol, d.Verdict, !d.AuditPolicies.IsEmpty, d.Reason, rule);
            }
        }

        // The entry for every port, where there is one, and one for each range that its fallback says something else of.
        IEnumerable<PolicyEntry> Write(PolicyEntry[] answers, uint classId, bool own, Func<int, PolicyEntry> fallback)
        {
            if (own) yield return answers[set.Ports.Widest] with { ClassId = classId };
            for (int i = 0; i < answers.Length; i++)
            {
                if (Same(answers[i], fallback(i))) continue;
                int last = i;
                while (last + 1 < answers.Length && Same(answers[last + 1], answers[i]) && !Same(answers[last + 1], fallback(last + 1))) last++;
                foreach (PortPrefix ports in PortPrefix.Cover(ranges[i].First, ranges[last].Last)) yield return answers[i] with { ClassId = classId, Ports = ports };
                i = last;
            }
        }
    }

    // To make a rule's name takes longer than all else about an entry.
    private uint RuleId(PolicyReference policy, PolicyDirection direction, int rule)
    {
        if (!_rules.TryGetValue((policy, direction, rule), out uint id)) _rules.Add((policy, direction, rule), id = _ids.Rules.GetOrAdd(CompiledRule.NameOf(policy, direction, rule)));
        return id;
    }

    /// <summary>
    /// The class that the entries for any class are made of: the world; for a set that refuses the anonymous, which the world is not let near anyway,
    /// an identity that no rule singles out. All that differ from it get entries of their own.
    /// </summary>
    private int UsualClass(bool refusesAnonymous, HashSet<int> special) => refusesAnonymous ? _authenticated.FirstOrDefault(i => !special.Contains(i)) : 0;

    private static bool Same(in PolicyEntry a, in PolicyEntry b) =>
        a.Verdict == b.Verdict && a.Audit == b.Audit && a.Reason == b.Reason && a.RuleId == b.RuleId;

    private int Combine(PolicySet set, int classIndex)
    {
        int combined = set.RefusesAnonymous && _classes[classIndex].Identity is not null ? 1 : 0;
        foreach (ClassSignatures policy in set.Signatures)
        {
            (int, int) key = (combined, policy[classIndex]);
            if (!_combined.TryGetValue(key, out combined)) _combined.Add(key, combined = _combined.Count + 2);
        }
        return combined;
    }
}
