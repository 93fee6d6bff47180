namespace Culvert.Core;

/// <summary>What policies say of a workload in one direction, where there was no room for all of it: the kernel refuses all that it decides about there.</summary>
/// <param name="Workload">Uid of the workload.</param>
/// <param name="Direction">Which direction.</param>
public readonly record struct ClosedPolicy(string Workload, PolicyDirection Direction);
