using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Watches;

/// <summary>Is told all objects of a kind and what becomes of them, by one caller at a time.</summary>
/// <typeparam name="T">The record for an object.</typeparam>
public interface IReflectorSink<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>These are all there are: what is not among them is gone.</summary>
    void Replace(ResourcePage<T> all);

    /// <summary>One has been added, modified or deleted.</summary>
    void Apply(WatchEvent<T> change);

    /// <summary>The server tells changes as they happen, from now on.</summary>
    void Watching();

    /// <summary>What was told may be out of date from now on, until <see cref="Watching"/>.</summary>
    void Failed(ApiException error);
}
