using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>The fields that all kinds have; for bookmarks, to name an object that can't be read, and for objects that are applied as documents.</summary>
public sealed record PartialObject : IKubernetesObject<V1ObjectMeta>
{
    /// <inheritdoc/>
    public string? ApiVersion { get; set; }

    /// <inheritdoc/>
    public string? Kind { get; set; }

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set => field = value ?? new(); } = new();
}
