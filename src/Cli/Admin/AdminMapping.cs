using System.Net;
using Culvert.Cli.Output;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Culvert.Cli.Admin;

/// <summary>Turns the agent's answers into the command line's own records, whose JSON form is an interface of its own.</summary>
internal static class AdminMapping
{
    public static StatusReport ToReport(StatusResponse status) => new(
        status.Node,
        status.AgentVersion,
        status.Pid,
        ToTime(status.Started),
        status.Ready,
        new ControllerReport(status.ControllerAddress, status.ControllerConnected, OrNull(status.ControllerError), ToTime(status.NodeCertificateNotAfter)),
        new SnapshotReport(status.SnapshotVersion, ToTime(status.SnapshotApplied), OrNull(status.SnapshotError), OrNull(status.SaveError)),
        [.. status.Workloads.Select(ToReport).OrderBy(w => w.Uid, StringComparer.Ordinal)],
        [.. status.Programs.Select(p => new ProgramReport(p.Name, p.Attachment, p.Interface, p.Id))],
        [.. status.Maps.Select(m => new MapReport(m.Name, m.Entries, m.MaxEntries))],
        new SortedDictionary<string, ulong>(status.Drops, StringComparer.Ordinal),
        status.OpenTunnels,
        status.OpenConnections,
        new ProblemsReport(status.RejectedObjects, status.LastGoodObjects, status.PartialObjects, status.ObjectErrors, status.ObjectWarnings, [.. status.Problems.Select(ToReport)]),
        status.DirectPath is { } path ? new DirectPathReport(NameOf(path.Redirects ? DirectPath.Redirect : DirectPath.HostStack), NameOf(path.Configured), [.. path.Reasons]) : null,
        status.TunnelSource is { } source ? new TunnelSourceReport(NameOf(source.IsPod ? TunnelSource.Pod : TunnelSource.Node), NameOf(source.Configured), [.. source.Reasons]) : null,
        OrNull(status.TranslationError),
        OrNull(status.DeliveryError),
        OrNull(status.CniError),
        status.ProgramsPutFirst,
        status.DrainRemaining?.ToTimeSpan().TotalSeconds);

    public static FlowReport ToReport(Flow flow) => new(
        ToTime(flow.Time),
        NameOf(flow.Event),
        NameOf(flow.Verdict),
        OrNull(flow.Reason),
        ToReport(flow.Source),
        ToReport(flow.Destination),
        Core.IpProtocolNames.Of((byte)flow.Protocol),
        NameOf(flow.Path),
        flow.BytesSent,
        flow.BytesReceived,
        flow.Duration?.ToTimeSpan().TotalSeconds ?? 0,
        ToReport(flow.Rule),
        flow.AtSource ? "source" : "destination",
        [.. flow.AuditPolicies],
        OrNull(flow.Request),
        OrNull(flow.TlsGroup));

    public static ExplainReport ToReport(ExplainResponse answer) => new(
        answer.Verdict == Verdict.Unspecified ? ExplainReport.Undecided : NameOf(answer.Verdict),
        OrNull(answer.Reason),
        ToReport(answer.Rule),
        NameOf(answer.Path),
        ToReport(answer.Source),
        ToReport(answer.Destination),
        [.. answer.AuditPolicies],
        [.. answer.Steps],
        OrNull(answer.DecidedByNode));

    private static ProblemReport ToReport(ObjectProblem problem) => new(
        NameOf(problem.Severity), problem.File, problem.Line > 0 ? problem.Line : null, OrNull(problem.Object), OrNull(problem.Field), problem.Reason, problem.LastGoodInForce, problem.InForceInPart);

    private static WorkloadReport ToReport(EnrolledWorkload workload) => new(
        workload.Uid,
        workload.Identity,
        StateOf(workload),
        workload.Interface,
        [.. workload.Addresses.Select(ToAddress).OfType<string>()],
        NameOf(workload.MtlsMode),
        [.. workload.Policies],
        ToTime(workload.CertificateNotAfter),
        OrNull(workload.HostStackReason),
        OrNull(workload.InsideReason),
        OrNull(workload.CertificateError),
        OrNull(workload.PolicyError),
        OrNull(workload.Error));

    private static string StateOf(EnrolledWorkload workload) => workload.State switch
    {
        CaptureState.Captured => WorkloadReport.Captured,
        CaptureState.Undelivered => WorkloadReport.Undelivered,
        CaptureState.NotCaptured => WorkloadReport.NotCaptured,
        CaptureState.Blocked => WorkloadReport.Blocked,
        _ => workload.Error.Length == 0 ? WorkloadReport.Captured : WorkloadReport.NotCaptured,
    };

    private static FlowEndpointReport ToReport(FlowEndpoint? endpoint) => endpoint is null
        ? new FlowEndpointReport(null, null, null, 0, null)
        : new FlowEndpointReport(
            OrNull(endpoint.WorkloadUid), OrNull(endpoint.Identity), ToAddress(endpoint.Address), endpoint.Port, OrNull(endpoint.Service));

    private static RuleReport? ToReport(RuleReference? rule) => rule is null || rule.Policy.Length == 0
        ? null
        : new RuleReport(rule.Policy, rule.RuleIndex < 0 ? null : rule.RuleIndex, OrNull(rule.SourceReference));

    private static string? ToAddress(ByteString bytes) => bytes.Length switch
    {
        0 => null,
        4 => new IPAddress(bytes.Span).ToString(),
        16 => Unmap(new IPAddress(bytes.Span)).ToString(),
        _ => Convert.ToHexString(bytes.Span),
    };

    private static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static DateTimeOffset? ToTime(Timestamp? time) => time?.ToDateTimeOffset();

    private static string? OrNull(string text) => text.Length == 0 ? null : text;

    private static string NameOf(DirectPath path) => path == DirectPath.HostStack ? "host-stack" : NameOf<DirectPath>(path);

    private static string NameOf(FlowEvent value) => value switch
    {
        FlowEvent.RequestDenied => "request-denied",
        FlowEvent.RequestAudited => "request-audited",
        _ => NameOf<FlowEvent>(value),
    };

    private static string NameOf<T>(T value)
        where T : struct, System.Enum => value.ToString().ToLowerInvariant();
}
