namespace Culvert.NodeAgent.Telemetry;

/// <summary>Requests of HTTP of one kind since the agent's start, as they were counted at a moment.</summary>
/// <param name="Labels">What tells the kind: values of the labels of its metrics.</param>
/// <param name="ByClass">How many there were, by the class of their responses' status, in the order of <see cref="RequestMetrics.Classes"/>; calls of gRPC that have failed are among those of 500 and above.</param>
/// <param name="ByDuration">How many there were of each bucket of durations, the last of them without a bound.</param>
internal readonly record struct RequestCounts(IReadOnlyList<string> Labels, long[] ByClass, long[] ByDuration);
