using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Telemetry.Tracing;

internal static partial class TraceLog
{
    [LoggerMessage(EventId = LogEventIds.CollectorNotReached, Level = LogLevel.Warning, Message = "spans can't be sent to {Endpoint}: {Reason}; those that are lost are counted")]
    internal static partial void NotReached(ILogger logger, Uri endpoint, string reason);

    [LoggerMessage(EventId = LogEventIds.CollectorReached, Level = LogLevel.Information, Message = "spans are sent to {Endpoint} again")]
    internal static partial void Reached(ILogger logger, Uri endpoint);
}
