namespace Culvert.Kubernetes.Resources;

/// <summary>Names of a custom kind.</summary>
public sealed record CustomResourceNames
{
    /// <summary>Name in paths.</summary>
    public string Plural { get; init => field = value ?? ""; } = "";

    /// <summary>Name for people.</summary>
    public string? Singular { get; init; }

    /// <summary>Name in documents.</summary>
    public string Kind { get; init => field = value ?? ""; } = "";

    /// <summary>Short names.</summary>
    public IReadOnlyList<string> ShortNames { get; init => field = value ?? []; } = [];
}
