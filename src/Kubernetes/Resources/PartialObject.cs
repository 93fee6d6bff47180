namespace Culvert.Kubernetes.Resources;

/// <summary>Of an object, what all kinds have; for bookmarks, to name an object that can't be read, and where an object is a document.</summary>
public sealed record PartialObject : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; }

    /// <inheritdoc/>
    public string? Kind { get; init; }

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();
}
