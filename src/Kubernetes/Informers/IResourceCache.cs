using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Informers;

/// <summary>All objects of a kind, as the server told them last. Safe for use by many threads. All readers share the objects: they must not change them.</summary>
/// <typeparam name="T">The record for an object.</typeparam>
public interface IResourceCache<out T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>How many there are.</summary>
    int Count { get; }

    /// <summary>The object of a name, or null.</summary>
    T? Find(ResourceName name);

    /// <summary>All of them as they are now, in no order.</summary>
    IReadOnlyList<T> All();

    /// <summary>Those that an index has under a value, in no order.</summary>
    /// <param name="index">Name of an index that was asked for when the informer was made.</param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentException">There is no such index.</exception>
    IReadOnlyList<T> FindBy(string index, string value);
}
