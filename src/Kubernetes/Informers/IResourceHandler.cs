using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Informers;

/// <summary>
/// Is told what becomes of objects, one call after the other, in the order in which it happened, after the cache has it. Long work belongs into a work queue: what waits
/// to be told waits in memory. An exception is logged and counted, and the next is told.
/// </summary>
/// <typeparam name="T">The record for an object.</typeparam>
public interface IResourceHandler<in T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>It is there: new, or there already when the handler came.</summary>
    void Added(T item);

    /// <summary>It has changed.</summary>
    void Updated(T before, T item);

    /// <summary>It is gone; as it was last known. One that was made anew under the same name is told as gone and then as added.</summary>
    void Deleted(T item);

    /// <summary>It is there and can't be read; what the cache has of it, if anything, stays.</summary>
    void Unreadable(UnreadableObject item)
    {
    }

    /// <summary>What is told may be out of date: to list or to watch has failed, which is tried again.</summary>
    void Failed(ApiException error)
    {
    }

    /// <summary>All that was there when the handler came has been told.</summary>
    void Synced()
    {
    }
}
