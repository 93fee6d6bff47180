namespace Culvert.Controller.Compilation;

/// <summary>Several values for a key, each once. Not thread-safe.</summary>
internal sealed class MultiMap<TKey, TValue>
    where TKey : notnull
{
    private readonly Dictionary<TKey, HashSet<TValue>> _values = [];

    /// <summary>All keys with their values, in no order.</summary>
    public IEnumerable<KeyValuePair<TKey, IReadOnlyCollection<TValue>>> All => _values.Select(p => KeyValuePair.Create(p.Key, (IReadOnlyCollection<TValue>)p.Value));

    /// <summary>Whether there is any.</summary>
    public bool Any => _values.Count > 0;

    /// <summary>The values of all keys, in no order.</summary>
    public IEnumerable<TValue> Values => _values.Values.SelectMany(v => v);

    /// <summary>The values of a key, in no order.</summary>
    public IReadOnlyCollection<TValue> this[TKey key] => _values.TryGetValue(key, out HashSet<TValue>? found) ? found : [];

    public void Add(TKey key, TValue value)
    {
        if (!_values.TryGetValue(key, out HashSet<TValue>? found)) _values.Add(key, found = []);
        found.Add(value);
    }

    public void Remove(TKey key, TValue value)
    {
        if (_values.TryGetValue(key, out HashSet<TValue>? found) && found.Remove(value) && found.Count == 0) _values.Remove(key);
    }
}
