using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Informers;

/// <summary>Which objects an informer has, and by what they are found.</summary>
/// <typeparam name="T">The record for an object.</typeparam>
public sealed record InformerOptions<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>Which objects, and how patiently they are kept up to date.</summary>
    public ReflectorOptions Reflector { get; init; } = new();

    /// <summary>Indexes by name: what objects are found by. The functions must not throw, nor take long.</summary>
    public IReadOnlyDictionary<string, Func<T, IEnumerable<string>>> Indexes { get; init; } = new Dictionary<string, Func<T, IEnumerable<string>>>(StringComparer.Ordinal);
}
