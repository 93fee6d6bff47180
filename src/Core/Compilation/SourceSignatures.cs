using System.Collections.Immutable;

namespace Culvert.Core;

/// <summary>For each class, which rules of one policy it meets as a source, boiled down to a number: equal numbers, equal matches.</summary>
internal sealed class SourceSignatures
{
    private readonly int[] _byClass;

    public SourceSignatures(PolicyInfo policy, string trustDomain, IReadOnlyList<SourceClass> classes)
    {
        _byClass = new int[classes.Count];
        var known = new Dictionary<EquatableArray<bool>, int>();
        var differing = new List<int>();
        var matches = new bool[policy.Rules.Count];
        for (int c = 0; c < classes.Count; c++)
        {
            for (int r = 0; r < matches.Length; r++)
                matches[r] = PolicyEvaluator.MatchesSource(policy.Rules[r], policy.Action, trustDomain, classes[c].Identity, classes[c].Cidr);
            var key = new EquatableArray<bool>(ImmutableArray.Create(matches));
            if (!known.TryGetValue(key, out int signature)) known.Add(key, signature = known.Count);
            _byClass[c] = signature;
            if (signature != _byClass[0]) differing.Add(c);
        }
        Differing = differing;
    }

    /// <summary>Indexes of the classes that match otherwise than the world does.</summary>
    public IReadOnlyList<int> Differing { get; }

    public int this[int classIndex] => _byClass[classIndex];
}
