namespace Culvert.Controller.Snapshots;

/// <summary>Which resources have changed from version to version, for as long as agents may come back with an older one. Safe for any number of threads.</summary>
internal sealed class ChangeLog
{
    // Agents acknowledge within seconds; who is further behind is compared with as a whole.
    private const int MostVersions = 1024;
    private const int MostKeys = 100_000;

    private readonly Lock _lock = new();
    private readonly Queue<Step> _steps = new();
    private int _keys;
    private ulong _last;

    /// <summary>Notes what has changed with a version; versions come one after the other.</summary>
    public void Add(ulong version, ResourceKey[] shared, Dictionary<string, ResourceKey[]> byNode)
    {
        lock (_lock)
        {
            var added = new Step(version, shared, byNode);
            _steps.Enqueue(added);
            _last = version;
            _keys += added.Keys;
            while (_steps.Count > MostVersions || (_keys > MostKeys && _steps.Count > 1)) _keys -= _steps.Dequeue().Keys;
        }
    }

    /// <summary>What has changed for a node behind one version and up to another; null when that is not known any more.</summary>
    public IReadOnlyCollection<ResourceKey>? Between(ulong from, ulong to, string node)
    {
        lock (_lock)
        {
            bool isKnown = from == to || (from < to && _last >= to && _steps.Count > 0 && _steps.Peek().Version <= from + 1);
            if (!isKnown) return null;
            HashSet<ResourceKey> changed = [];

            // Newest last, and mostly the newest are asked for.
            foreach (Step step in _steps.Reverse().SkipWhile(s => s.Version > to).TakeWhile(s => s.Version > from))
            {
                changed.UnionWith(step.Shared);
                if (step.ByNode.TryGetValue(node, out ResourceKey[]? own)) changed.UnionWith(own);
            }
            return changed;
        }
    }

    private sealed record Step(ulong Version, ResourceKey[] Shared, Dictionary<string, ResourceKey[]> ByNode)
    {
        public int Keys { get; } = Shared.Length + ByNode.Values.Sum(k => k.Length);
    }
}
