using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>The objects of a kind, as far as they count, and what they declare. Used by one thread at a time.</summary>
internal interface IKindTable<in T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Whether they say by conditions where they are in force.</summary>
    bool HasConditions => false;

    /// <summary>The objects that are there, also those that declare nothing.</summary>
    IReadOnlyCollection<ResourceName> Names { get; }

    /// <summary>All that is declared now.</summary>
    IEnumerable<Declaration> Declarations { get; }

    /// <summary>An object is there, in this version.</summary>
    void Set(T item);

    /// <summary>An object is there and can't be read.</summary>
    void SetUnreadable(UnreadableObject item);

    /// <summary>An object is gone.</summary>
    void Remove(ResourceName name);
}
