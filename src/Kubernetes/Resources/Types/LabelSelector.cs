namespace Culvert.Kubernetes.Resources;

/// <summary>Selects by labels; an empty one selects everything.</summary>
public sealed record LabelSelector
{
    /// <summary>Labels that have to be there.</summary>
    public IReadOnlyDictionary<string, string> MatchLabels { get; init => field = value ?? Empty.Strings; } = Empty.Strings;

    /// <summary>What else has to hold.</summary>
    public IReadOnlyList<LabelSelectorRequirement> MatchExpressions { get; init => field = value ?? []; } = [];
}
