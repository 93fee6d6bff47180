namespace Culvert.Kubernetes.Resources;

/// <summary>What the API says of a list.</summary>
internal sealed record ListMeta
{
    public string? ResourceVersion { get; init; }

    public string? Continue { get; init; }

    public long? RemainingItemCount { get; init; }
}
