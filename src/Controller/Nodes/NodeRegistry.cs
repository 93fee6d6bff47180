using System.Collections.Immutable;
using Culvert.Controller.Snapshots;

namespace Culvert.Controller.Nodes;

/// <summary>The state of every node's agent, and the versions that each can be brought forward from. Safe for any number of threads.</summary>
internal sealed class NodeRegistry
{
    private const int VersionsKept = 4;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Queue<NodeResources>> _versions = new(StringComparer.Ordinal);
    private ImmutableSortedDictionary<string, NodeStatus> _nodes = ImmutableSortedDictionary<string, NodeStatus>.Empty.WithComparers(StringComparer.Ordinal);

    /// <summary>Raised after a status has changed, on any thread.</summary>
    public event Action<NodeStatus>? Changed;

    /// <summary>Raised when a node has a version in force, or one that is the same to it; on any thread, and for each node with each version.</summary>
    public event Action<string, ulong>? CaughtUp;

    public IReadOnlyCollection<NodeStatus> Nodes => [.. Volatile.Read(ref _nodes).Values];

    public NodeStatus? Find(string node) => Volatile.Read(ref _nodes).GetValueOrDefault(node);

    /// <summary>Changes a node's status; unknown nodes begin with an empty one.</summary>
    public void Update(string node, Func<NodeStatus, NodeStatus> change)
    {
        NodeStatus next;
        lock (_lock)
        {
            next = change(_nodes.GetValueOrDefault(node) ?? new NodeStatus(node));
            _nodes = _nodes.SetItem(node, next);
        }
        Changed?.Invoke(next);
    }

    /// <summary>Says that a node has a version in force, or one that is the same to it.</summary>
    public void CatchUp(string node, ulong version) => CaughtUp?.Invoke(node, version);

    /// <summary>Keeps what was sent to a node, so that it can come back with that version.</summary>
    public void Remember(string node, NodeResources resources)
    {
        lock (_lock)
        {
            if (!_versions.TryGetValue(node, out var kept)) _versions.Add(node, kept = new());
            kept.Enqueue(resources);
            if (kept.Count > VersionsKept) kept.Dequeue();
        }
    }

    /// <summary>What was sent to a node as a version, or null when it is no longer known.</summary>
    public NodeResources? Recall(string node, ulong version)
    {
        lock (_lock) return _versions.TryGetValue(node, out var kept) ? kept.LastOrDefault(k => k.Version == version) : null;
    }
}
