using System.Collections.Immutable;
using System.Text;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A selector of labels as Kubernetes has it (meta/v1 LabelSelector): all of its conditions must be met; an empty one matches everything.</summary>
internal sealed record LabelSelector
{
    /// <summary>Matches everything.</summary>
    public static LabelSelector Everything { get; } = new();

    /// <summary>Labels that must be there with these values.</summary>
    public ImmutableSortedDictionary<string, string> MatchLabels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Further conditions.</summary>
    public EquatableArray<LabelRequirement> MatchExpressions { get; init; }

    public bool Matches(ImmutableSortedDictionary<string, string> labels) => ObjectMeta.Matches(MatchLabels, labels) && MatchExpressions.All(e => e.Matches(labels));

    public bool Equals(LabelSelector? other) => other is not null && MatchLabels.SequenceEqual(other.MatchLabels) && MatchExpressions == other.MatchExpressions;

    public override int GetHashCode() => HashCode.Combine(MatchLabels.Count, MatchExpressions);

    /// <summary>The selector as <c>kubectl get -l</c> takes it; the same text for the same conditions in the same order.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        text.AppendJoin(',', MatchLabels.Select(l => $"{l.Key}={l.Value}").Concat(MatchExpressions.Select(e => e.ToString())));
        return text.ToString();
    }
}
