using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Hosting;

/// <summary>What keeps the agent from being ready. Thread-safe.</summary>
public sealed class HealthState
{
    private readonly ConcurrentDictionary<string, string> _blockers = new(StringComparer.Ordinal);

    /// <summary>True when nothing blocks.</summary>
    public bool IsReady => _blockers.IsEmpty;

    /// <summary>Part to reason, for everything that blocks.</summary>
    public IReadOnlyDictionary<string, string> Blockers => _blockers;

    /// <summary>Marks a part as not ready.</summary>
    public void Block(string part, string reason) => _blockers[part] = reason;

    /// <summary>Marks a part as ready.</summary>
    public void Clear(string part) => _blockers.TryRemove(part, out _);
}
