namespace Culvert.Kubernetes.Resources;

/// <summary>A condition on one label.</summary>
public sealed record LabelSelectorRequirement
{
    /// <summary>Name of the label.</summary>
    public string Key { get; init => field = value ?? ""; } = "";

    /// <summary>In, NotIn, Exists or DoesNotExist.</summary>
    public string Operator { get; init => field = value ?? ""; } = "";

    /// <summary>For In and NotIn.</summary>
    public IReadOnlyList<string> Values { get; init => field = value ?? []; } = [];
}
