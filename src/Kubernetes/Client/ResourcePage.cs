using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Client;

/// <summary>Objects of a list, or of one page.</summary>
/// <typeparam name="T">The record for one.</typeparam>
public sealed record ResourcePage<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>The objects.</summary>
    public required IReadOnlyList<T> Items { get; init; }

    /// <summary>Those that can't be read.</summary>
    public IReadOnlyList<UnreadableObject> Unreadable { get; init; } = [];

    /// <summary>Version of the list: where a watch goes on.</summary>
    public required string ResourceVersion { get; init; }

    /// <summary>Where the next page begins; null after the last.</summary>
    public string? Continue { get; init; }

    /// <summary>About how many there are besides, where the server says so.</summary>
    public long? Remaining { get; init; }
}
