namespace Culvert.Kubernetes.Resources;

/// <summary>A version of a custom kind.</summary>
public sealed record CustomResourceVersion
{
    /// <summary>Its name, e.g. v1.</summary>
    public string Name { get; init => field = value ?? ""; } = "";

    /// <summary>Whether the API has it.</summary>
    public bool Served { get; init; }

    /// <summary>Whether objects are stored in it.</summary>
    public bool Storage { get; init; }
}
