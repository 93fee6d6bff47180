using Culvert.Controller.Objects;

namespace Culvert.Controller.Store;

/// <summary>Which objects want or have which addresses, so that only those that can conflict with a changed one are looked at. Not thread-safe.</summary>
internal sealed class ClaimIndex
{
    private readonly Dictionary<string, HashSet<ObjectKey>> _byClaim = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, string[]> _byObject = [];

    /// <summary>Sets what an object claims, wanted and in force together.</summary>
    public void Set(ObjectKey key, IEnumerable<string> claims)
    {
        if (_byObject.Remove(key, out string[]? old))
        {
            foreach (string claim in old)
            {
                _byClaim[claim].Remove(key);
                if (_byClaim[claim].Count == 0) _byClaim.Remove(claim);
            }
        }
        string[] now = [.. claims.Distinct(StringComparer.Ordinal)];
        if (now.Length == 0) return;
        _byObject.Add(key, now);
        foreach (string claim in now)
        {
            if (!_byClaim.TryGetValue(claim, out HashSet<ObjectKey>? keys)) _byClaim.Add(claim, keys = []);
            keys.Add(key);
        }
    }

    /// <summary>The objects with all that they share a claim with, directly or through others.</summary>
    public HashSet<ObjectKey> Closure(IEnumerable<ObjectKey> objects)
    {
        HashSet<ObjectKey> found = [.. objects];
        var open = new Queue<ObjectKey>(found);
        while (open.TryDequeue(out ObjectKey key))
        {
            foreach (string claim in _byObject.GetValueOrDefault(key) ?? [])
            {
                foreach (ObjectKey other in _byClaim[claim])
                {
                    if (found.Add(other)) open.Enqueue(other);
                }
            }
        }
        return found;
    }
}
