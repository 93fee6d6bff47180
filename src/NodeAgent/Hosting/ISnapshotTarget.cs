using Culvert.Core;

namespace Culvert.NodeAgent.Hosting;

/// <summary>What a snapshot is put into force in: an agent's datapath, identities and proxy. Called by one thread at a time.</summary>
internal interface ISnapshotTarget
{
    /// <summary>The snapshot in force; version 0 before the first.</summary>
    NodeSnapshot InForce { get; }

    /// <summary>Whether the node's links still are those that the snapshot in force was applied to.</summary>
    bool IsCurrent();

    /// <summary>Puts a snapshot into force; when it throws, the one before stays.</summary>
    void Apply(NodeSnapshot snapshot);
}
