using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Telemetry.Requests;

internal static partial class RequestLog
{
    [LoggerMessage(EventId = LogEventIds.AccessLogNotWritten, Level = LogLevel.Warning, Message = "the access log can't be written to {File}: {Reason}; it is tried again, and lines that are lost are counted")]
    internal static partial void NotWritten(ILogger logger, string file, string reason);

    [LoggerMessage(EventId = LogEventIds.AccessLogWritten, Level = LogLevel.Information, Message = "the access log is written to {File} again")]
    internal static partial void Written(ILogger logger, string file);

    [LoggerMessage(EventId = LogEventIds.RequestNotTold, Level = LogLevel.Error, Message = "a request could not be written to the access log, or its span not be made")]
    internal static partial void NotTold(ILogger logger, Exception exception);
}
