namespace Culvert.Cli.Output;

/// <summary>One line of <c>culvert flows</c>.</summary>
internal sealed record FlowReport(
    DateTimeOffset? Time,
    string Event,
    string Verdict,
    string? Reason,
    FlowEndpointReport Source,
    FlowEndpointReport Destination,
    string Protocol,
    string Path,
    ulong BytesSent,
    ulong BytesReceived,
    double DurationSeconds,
    RuleReport? Rule,
    string SeenAt,
    IReadOnlyList<string> AuditPolicies,
    string? Request,
    string? TlsGroup = null);

/// <summary>One end of a flow.</summary>
internal sealed record FlowEndpointReport(string? Workload, string? Identity, string? Address, uint Port, string? Service);

/// <summary>The rule that decided.</summary>
internal sealed record RuleReport(string? Policy, int? Rule, string? File);
