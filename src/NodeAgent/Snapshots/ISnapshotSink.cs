using Culvert.Core;

namespace Culvert.NodeAgent.Snapshots;

/// <summary>Puts snapshots into force.</summary>
public interface ISnapshotSink
{
    /// <summary>
    /// Puts a snapshot into force as a whole or, when it throws, not at all: the one before stays.
    /// </summary>
    Task ApplyAsync(NodeSnapshot snapshot, CancellationToken cancellationToken);
}
