namespace Culvert.Kubernetes.Resources;

/// <summary>What a custom kind is to be.</summary>
public sealed record CustomResourceDefinitionSpec
{
    /// <summary>Its group.</summary>
    public string Group { get; init => field = value ?? ""; } = "";

    /// <summary>Namespaced or Cluster.</summary>
    public string? Scope { get; init; }

    /// <summary>Its names.</summary>
    public CustomResourceNames Names { get; init => field = value ?? new(); } = new();

    /// <summary>Its versions.</summary>
    public IReadOnlyList<CustomResourceVersion> Versions { get; init => field = value ?? []; } = [];
}
