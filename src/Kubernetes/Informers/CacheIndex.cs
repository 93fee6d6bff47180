using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Informers;

/// <summary>Objects by what a function says of each; under nothing, where it throws. Not safe for use by several threads.</summary>
internal sealed class CacheIndex<T>(Func<T, IEnumerable<string>> values, Action<Exception> failed)
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Dictionary<string, Dictionary<ResourceName, T>> _items = new(StringComparer.Ordinal);
    private readonly Dictionary<ResourceName, string[]> _values = [];

    public IReadOnlyList<T> Find(string value) => _items.TryGetValue(value, out Dictionary<ResourceName, T>? found) ? [.. found.Values] : [];

    /// <summary>Null for one that is gone.</summary>
    public void Replace(ResourceName name, T? item)
    {
        if (_values.Remove(name, out string[]? old))
        {
            foreach (string value in old)
            {
                Dictionary<ResourceName, T> found = _items[value];
                found.Remove(name);
                if (found.Count == 0) _items.Remove(value);
            }
        }
        if (item is null) return;
        string[] now = Values(item);
        if (now.Length == 0) return;
        _values[name] = now;
        foreach (string value in now)
        {
            if (!_items.TryGetValue(value, out Dictionary<ResourceName, T>? found)) _items[value] = found = [];
            found[name] = item;
        }
    }

    // The caller's function: what keeps the cache up to date must not end with it.
    private string[] Values(T item)
    {
        try
        {
            return [.. values(item).Distinct(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            failed(e);
            return [];
        }
    }
}
