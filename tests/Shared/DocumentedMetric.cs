namespace Culvert.Tests.Shared;

/// <summary>A metric as <c>docs/metrics.md</c> has it, or as the code has it, to be compared with that.</summary>
/// <param name="Name">The family's or instrument's name.</param>
/// <param name="Type">Such as <c>counter</c>.</param>
/// <param name="Labels">Names of its labels, separated by commas.</param>
internal sealed record DocumentedMetric(string Name, string Type, string Labels);
