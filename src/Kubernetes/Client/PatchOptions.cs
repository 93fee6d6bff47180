namespace Culvert.Kubernetes.Client;

/// <summary>How something is patched.</summary>
public sealed record PatchOptions : WriteOptions
{
    /// <summary>The part that is patched, e.g. <c>status</c>; null for the object.</summary>
    public string? Subresource { get; init; }
}
