namespace Culvert.Cli.Checks;

/// <summary>Answer of <c>culvert check</c>.</summary>
internal sealed record CheckReport(bool Passed, IReadOnlyList<Finding> Findings);
