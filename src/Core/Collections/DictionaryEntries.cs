namespace Culvert.Core;

/// <summary>Compares dictionaries by what is in them.</summary>
public static class DictionaryEntries
{
    /// <summary>Whether two dictionaries have the same keys with the same values, in whatever order; keys are compared as <paramref name="others"/> does.</summary>
    public static bool HasEntriesOf<TKey, TValue>(this IReadOnlyDictionary<TKey, TValue> some, IReadOnlyDictionary<TKey, TValue> others)
        where TKey : notnull
    {
        ArgumentNullException.ThrowIfNull(some);
        ArgumentNullException.ThrowIfNull(others);
        return some.Count == others.Count && some.All(s => others.TryGetValue(s.Key, out TValue? value) && EqualityComparer<TValue>.Default.Equals(value, s.Value));
    }
}
