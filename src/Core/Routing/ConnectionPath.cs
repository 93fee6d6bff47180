namespace Culvert.Core;

/// <summary>The path of a connection.</summary>
/// <param name="Kind">Of which kind it is.</param>
/// <param name="Reason">Why.</param>
/// <param name="Destination">The workload at its end; null where nothing is known of the address, or the connection goes nowhere.</param>
public readonly record struct ConnectionPath(PathKind Kind, PathReason Reason, WorkloadInfo? Destination);
