namespace Culvert.Cli.Output;

/// <summary>Answer of <c>culvert status</c>.</summary>
internal sealed record StatusReport(
    string Node,
    string AgentVersion,
    uint Pid,
    DateTimeOffset? Started,
    bool Ready,
    ControllerReport Controller,
    SnapshotReport Snapshot,
    IReadOnlyList<WorkloadReport> Workloads,
    IReadOnlyList<ProgramReport> Programs,
    IReadOnlyList<MapReport> Maps,
    IReadOnlyDictionary<string, ulong> Drops,
    uint OpenTunnels,
    uint OpenConnections,
    ProblemsReport Objects,
    DirectPathReport? DirectPath,
    TunnelSourceReport? TunnelSource,
    string? TranslationError,
    string? DeliveryError,
    string? CniError,
    ulong ProgramsPutFirst,
    double? DrainRemainingSeconds);

/// <summary>Which path new flows between workloads of the node take ("redirect", "host-stack"), what was asked for, and what speaks against redirecting; null from older agents.</summary>
internal sealed record DirectPathReport(string Mode, string Configured, IReadOnlyList<string> Reasons);

/// <summary>From which address new tunnels are opened ("node", "pod"), what was asked for, and what speaks for the pod's; null from older agents.</summary>
internal sealed record TunnelSourceReport(string Source, string Configured, IReadOnlyList<string> Reasons);

/// <summary>The controller's objects: how many are not in force as they are declared (all others are), how many problems of each severity there are, and the first of them.</summary>
internal sealed record ProblemsReport(uint Rejected, uint LastGoodKept, uint InPart, uint Errors, uint Warnings, IReadOnlyList<ProblemReport> Problems);

/// <summary>One problem of an object.</summary>
internal sealed record ProblemReport(string Severity, string File, uint? Line, string? Object, string? Field, string Reason, bool LastGoodInForce, bool InForceInPart);

/// <summary>The agent's connection to its controller, why there is none, and the end of the certificate that it shows there.</summary>
internal sealed record ControllerReport(string Address, bool Connected, string? Error, DateTimeOffset? NodeCertificateNotAfter);

/// <summary>The snapshot in force, why a newer one is not, and why it is not saved.</summary>
internal sealed record SnapshotReport(ulong Version, DateTimeOffset? Applied, string? Error, string? SaveError);

/// <summary>One workload of the node.</summary>
internal sealed record WorkloadReport(
    string Uid,
    string Identity,
    string State,
    string Interface,
    IReadOnlyList<string> Addresses,
    string MtlsMode,
    IReadOnlyList<string> Policies,
    DateTimeOffset? CertificateNotAfter,
    string? HostStackReason,
    string? InsideReason,
    string? CertificateError,
    string? PolicyError,
    string? Error)
{
    /// <summary>State of a workload whose packets the mesh sees.</summary>
    public const string Captured = "captured";

    /// <summary>State of one that is captured, and something of the node keeps its packets from the proxy.</summary>
    public const string Undelivered = "undelivered";

    /// <summary>State of one that is enrolled and has nothing of the mesh.</summary>
    public const string NotCaptured = "not-captured";

    /// <summary>State of one that was captured, can't be any more, and whose interface passes nothing for it.</summary>
    public const string Blocked = "blocked";
}

/// <summary>One kernel program of the agent.</summary>
internal sealed record ProgramReport(string Name, string Attachment, string Interface, uint Id);

/// <summary>How full one kernel map is.</summary>
internal sealed record MapReport(string Name, ulong Entries, ulong MaxEntries);
