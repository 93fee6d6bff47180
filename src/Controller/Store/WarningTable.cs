using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Store;

/// <summary>Warnings by the objects that they are about. Not thread-safe.</summary>
internal sealed class WarningTable
{
    private readonly SortedDictionary<string, SourceError[]> _warnings = new(StringComparer.Ordinal);

    /// <summary>All of them, by object.</summary>
    public IEnumerable<SourceError> All => _warnings.Values.SelectMany(w => w);

    /// <summary>Puts an object's warnings in the place of those that it had; of very many as few as are told.</summary>
    public void Set(ObjectKey key, IEnumerable<SourceError> warnings)
    {
        SourceError[] kept = [.. warnings.Take(SourceError.MostOfAPlace + 1)];
        if (kept.Length == 0) _warnings.Remove(key.ToString());
        else _warnings[key.ToString()] = kept;
    }
}
