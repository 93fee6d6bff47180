using Culvert.Core;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>What tells series of connections apart: who reports, which way, and both ends.</summary>
internal static class ConnectionLabels
{
    /// <summary>Names of the labels.</summary>
    internal static readonly string[] Names =
    [
        "reporter", "path", "source_workload", "source_workload_namespace", "source_principal",
        "destination_workload", "destination_workload_namespace", "destination_principal", "connection_security_policy", .. OwnerLabels.Names,
    ];

    private const string Unknown = "unknown";

    /// <summary>Values of the labels, in the order of their names.</summary>
    /// <param name="record">The connection.</param>
    /// <param name="reporter"><c>kernel</c>, <c>source</c> or <c>destination</c>.</param>
    internal static string[] Of(FlowRecord record, string reporter) =>
    [
        reporter, OfPath(record.Path), Name(record.SourceWorkload), Namespace(record.SourceWorkload), record.SourceIdentity ?? Unknown,
        Name(record.DestinationWorkload), Namespace(record.DestinationWorkload), record.DestinationIdentity ?? Unknown, Security(record.Path),
        .. OwnerLabels.Of(record.SourceWorkload?.Owner, record.DestinationWorkload?.Owner),
    ];

    /// <summary>What series are kept by: to look them up by their labels' text is the dearest part of counting.</summary>
    internal static Key KeyOf(FlowRecord record, string reporter) =>
        new(reporter, record.Protocol, record.Path, record.SourceWorkload?.Uid, record.SourceIdentity, record.SourceWorkload?.Owner, record.DestinationWorkload?.Uid, record.DestinationIdentity, record.DestinationWorkload?.Owner);

    internal static string Name(WorkloadInfo? workload) => workload?.Name.Name ?? Unknown;

    internal static string Namespace(WorkloadInfo? workload) => workload?.Name.Namespace ?? Unknown;

    internal static string OfPath(FlowPath path) => path switch
    {
        FlowPath.Direct => "direct",
        FlowPath.Tunnel => "tunnel",
        FlowPath.Proxy => "proxy",
        _ => "passthrough",
    };

    private static string Security(FlowPath path) => path switch
    {
        FlowPath.Direct or FlowPath.Proxy => "kernel",
        FlowPath.Tunnel => "mutual_tls",
        _ => "none",
    };

    /// <summary>A pair of ends, as one reporter sees it.</summary>
    internal readonly record struct Key(
        string Reporter, TransportProtocol Protocol, FlowPath Path,
        string? Source, string? SourceIdentity, WorkloadOwner? SourceOwner, string? Destination, string? DestinationIdentity, WorkloadOwner? DestinationOwner);
}
