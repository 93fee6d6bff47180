using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Informers;

/// <summary>Objects by name and by indexes.</summary>
internal sealed class ResourceCache<T> : IResourceCache<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ResourceName, T> _items = [];
    private readonly Dictionary<string, CacheIndex<T>> _indexes;

    /// <param name="indexes">What objects are found by.</param>
    /// <param name="failed">Is told of functions that throw.</param>
    public ResourceCache(IReadOnlyDictionary<string, Func<T, IEnumerable<string>>> indexes, Action<Exception> failed) =>
        _indexes = indexes.ToDictionary(i => i.Key, i => new CacheIndex<T>(i.Value, failed), StringComparer.Ordinal);

    public int Count
    {
        get
        {
            lock (_lock) return _items.Count;
        }
    }

    public T? Find(ResourceName name)
    {
        lock (_lock) return _items.GetValueOrDefault(name);
    }

    public IReadOnlyList<T> All()
    {
        lock (_lock) return [.. _items.Values];
    }

    public IReadOnlyList<T> FindBy(string index, string value)
    {
        if (!_indexes.TryGetValue(index, out CacheIndex<T>? found)) throw new ArgumentException($"there is no index '{index}'", nameof(index));
        lock (_lock) return found.Find(value);
    }

    public IReadOnlyList<ResourceName> Names()
    {
        lock (_lock) return [.. _items.Keys];
    }

    /// <summary>Puts an object in the place of what was there.</summary>
    public T? Set(ResourceName name, T item)
    {
        lock (_lock)
        {
            T? before = _items.GetValueOrDefault(name);
            _items[name] = item;
            foreach (CacheIndex<T> index in _indexes.Values) index.Replace(name, item);
            return before;
        }
    }

    public T? Remove(ResourceName name)
    {
        lock (_lock)
        {
            if (!_items.Remove(name, out T? before)) return null;
            foreach (CacheIndex<T> index in _indexes.Values) index.Replace(name, null);
            return before;
        }
    }
}
