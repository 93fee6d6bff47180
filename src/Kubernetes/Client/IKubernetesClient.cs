using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Client;

/// <summary>The API of a cluster, as who uses it sees it; tests put one of their own in its place. Safe for use by many threads.</summary>
public interface IKubernetesClient
{
    /// <summary>Objects of one kind.</summary>
    /// <typeparam name="T">The record for one.</typeparam>
    /// <param name="type">The kind.</param>
    IResourceClient<T> Resource<T>(ResourceType<T> type)
        where T : class, IKubernetesObject<V1ObjectMeta>;
}
