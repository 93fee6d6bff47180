using System.Collections.Immutable;

namespace Culvert.Core;

/// <summary>For each class, which rules of one policy it meets as a peer, boiled down to a number: equal numbers, equal matches.</summary>
internal sealed class ClassSignatures
{
    private readonly int[] _byClass;

    private ClassSignatures(IReadOnlyList<PeerClass> classes, int rules, Func<int, PeerClass, bool> matches, Func<PeerClass, EquatableArray<NamedPort>>? ports = null)
    {
        _byClass = new int[classes.Count];
        var known = new Dictionary<(EquatableArray<bool>, EquatableArray<NamedPort>), int>();
        var differing = new List<int>();
        var met = new bool[rules];
        for (int c = 0; c < classes.Count; c++)
        {
            for (int r = 0; r < rules; r++) met[r] = matches(r, classes[c]);
            var key = (new EquatableArray<bool>(ImmutableArray.Create(met)), ports?.Invoke(classes[c]) ?? []);
            if (!known.TryGetValue(key, out int signature)) known.Add(key, signature = known.Count);
            _byClass[c] = signature;
            if (signature != _byClass[0]) differing.Add(c);
        }
        Differing = differing;
    }

    /// <summary>Indexes of the classes that match otherwise than the world does.</summary>
    public IReadOnlyList<int> Differing { get; }

    public int this[int classIndex] => _byClass[classIndex];

    /// <summary>Of the sources of an AuthorizationPolicy.</summary>
    public static ClassSignatures Of(PolicyInfo policy, string trustDomain, IReadOnlyList<PeerClass> classes) =>
        new(classes, policy.Rules.Count, (r, c) => PolicyEvaluator.MatchesSource(policy.Rules[r], policy.Action, trustDomain, c.Identity, c.Cidr, RequestKnowledge.Unread));

    /// <summary>Whether they are of another trust domain than the mesh, of which other things hold where no rule says anything.</summary>
    public static ClassSignatures OfForeign(string trustDomain, IReadOnlyList<PeerClass> classes) => new(classes, 1, (_, c) => PolicyEvaluator.IsForeign(c.Identity, trustDomain));

    /// <summary>Of the peers of a NetworkPolicy in one direction.</summary>
    public static ClassSignatures Of(NetworkPolicyInfo policy, PolicyDirection direction, IReadOnlyList<PeerClass> classes)
    {
        EquatableArray<NetworkPolicyRule> rules = NetworkPolicyEvaluator.RulesOf(policy, direction);
        // What a destination calls by name is another port for each.
        bool byName = direction == PolicyDirection.Egress && rules.Any(r => r.Ports.Any(p => p.Name.Length > 0));
        return new(classes, rules.Count, (r, c) => NetworkPolicyEvaluator.MatchesPeer(rules[r], c.Peer), byName ? c => c.NamedPorts : null);
    }
}
