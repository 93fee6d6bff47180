using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Informers;

/// <summary>All objects of a kind, kept up to date. Safe for use by many threads.</summary>
/// <typeparam name="T">The record for an object.</typeparam>
public interface IInformer<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>The objects.</summary>
    IResourceCache<T> Cache { get; }

    /// <summary>How up to date it is.</summary>
    InformerState State { get; }

    /// <summary>Waits until the cache has had all objects once.</summary>
    Task WaitForSyncAsync(CancellationToken cancellationToken);

    /// <summary>Has a handler told what becomes of objects from now on, after all that are there.</summary>
    /// <returns>Ends it; a call that runs is not waited for.</returns>
    IDisposable Subscribe(IResourceHandler<T> handler);
}
