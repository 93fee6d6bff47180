using System.Globalization;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Telemetry.Requests;

/// <summary>What several parts of a record say together.</summary>
internal static class RequestFields
{
    /// <summary>When the request came: RFC 3339, UTC, with milliseconds.</summary>
    internal static string TimeOf(RequestRecord record) => record.Started.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    /// <summary>How long it took: whole milliseconds.</summary>
    internal static long MillisecondsOf(RequestRecord record) => (long)record.Duration.TotalMilliseconds;

    /// <summary>The server that it was sent to, or tried to; null: to none.</summary>
    internal static IPEndPoint? UpstreamOf(RequestRecord record)
    {
        if (record.Target is { } target) return new IPEndPoint(target.ToIPAddress(), target.Port);
        FlowRecord connection = record.Server!.Connection;
        return connection.Backend ?? (connection.DestinationWorkload is not null || connection.Service is null ? connection.Destination : null);
    }

    /// <summary>The trace's id in 32 digits; null: it belongs to none.</summary>
    internal static string? TraceOf(RequestRecord record) => record.Trace.HasTrace ? string.Create(CultureInfo.InvariantCulture, $"{record.Trace.High:x16}{record.Trace.Low:x16}") : null;

    /// <summary>The number of gRPC's status; null: there is none.</summary>
    internal static string? GrpcOf(RequestRecord record) => record.Grpc >= GrpcStatus.Ok ? GrpcStatuses.LabelOf(record.Grpc) : null;

    /// <summary>The rule that has it; null: none.</summary>
    internal static string? RouteOf(RequestRecord record) => record.Route is { } hit && hit.Rule.Name != HttpRouteRule.NameWithoutRoute ? $"{hit.Route.Key} rule {hit.RuleIndex}" : null;
}
