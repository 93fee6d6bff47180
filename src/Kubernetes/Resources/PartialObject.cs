namespace Culvert.Kubernetes.Resources;

/// <summary>Of an object, what all kinds have; for bookmarks, and to name an object that can't be read.</summary>
internal sealed record PartialObject : IKubernetesObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();
}
