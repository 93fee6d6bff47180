using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>Where every flow record goes: metrics, the flow log and, when asked for, the access log. Thread-safe.</summary>
internal sealed class FlowSink(AgentMetrics metrics, FlowLog log, ILogger? accessLog)
{
    /// <summary>Takes a record. <paramref name="reporter"/> is <c>kernel</c>, <c>source</c> or <c>destination</c>.</summary>
    internal void Add(FlowRecord record, string reporter)
    {
        metrics.Count(record, reporter);
        log.Add(record);
        if (accessLog is not null) AccessLog.Flow(accessLog, record.Kind, record.Path, record.Source, record.SourceIdentity, record.Destination, record.DestinationIdentity, record.Reason, record.BytesSent, record.BytesReceived, record.Duration.TotalMilliseconds);
    }
}

internal static partial class AccessLog
{
    [LoggerMessage(EventId = LogEventIds.Flow, Level = LogLevel.Information, Message = "{Kind} {Path} {Source} ({SourceIdentity}) -> {Destination} ({DestinationIdentity}) {Reason} sent={Sent} received={Received} ms={Milliseconds}")]
    internal static partial void Flow(ILogger logger, FlowEventKind kind, FlowPath path, System.Net.IPEndPoint source, string? sourceIdentity, System.Net.IPEndPoint destination, string? destinationIdentity, string reason, ulong sent, ulong received, double milliseconds);
}
