namespace Culvert.Cli.Output;

/// <summary>Answer of <c>culvert explain</c>.</summary>
internal sealed record ExplainReport(
    string Verdict,
    string? Reason,
    RuleReport? Rule,
    string Path,
    FlowEndpointReport Source,
    FlowEndpointReport Destination,
    IReadOnlyList<string> AuditPolicies,
    IReadOnlyList<string> Steps,
    string? DecidedByNode)
{
    /// <summary>Verdict of an agent whose node is not the one that decides, which is <see cref="DecidedByNode"/>.</summary>
    public const string Undecided = "undecided";
}
