namespace Culvert.NodeAgent.Snapshots;

/// <summary>How the agent stands with its controller. Thread-safe: replaced whole.</summary>
/// <param name="Connected">A stream is open.</param>
/// <param name="Error">Why not, or empty.</param>
/// <param name="SnapshotError">Why the last snapshot was refused, or empty.</param>
/// <param name="LastApplied">When a snapshot was last put into force, UTC; null: never.</param>
/// <param name="SaveError">Why the snapshot in force is not on disk, or empty.</param>
public sealed record ControllerStatus(bool Connected = false, string Error = "", string SnapshotError = "", DateTimeOffset? LastApplied = null, string SaveError = "");
