using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.WorkloadApi;

internal static partial class WorkloadApiLog
{
    [LoggerMessage(EventId = LogEventIds.WorkloadApiNotAttested, Level = LogLevel.Information, Message = "a caller of the Workload API has no identity here: {Reason}")]
    internal static partial void NotAttested(ILogger logger, string reason);

    [LoggerMessage(EventId = LogEventIds.WorkloadApiNotServed, Level = LogLevel.Error, Message = "the Workload API is not served at {Socket}, and applications have no identity by it; it is tried again: {Reason}")]
    internal static partial void NotServed(ILogger logger, string socket, string reason);

    [LoggerMessage(EventId = LogEventIds.WorkloadApiServed, Level = LogLevel.Information, Message = "the Workload API is served at {Socket}")]
    internal static partial void Served(ILogger logger, string socket);

    [LoggerMessage(EventId = LogEventIds.WorkloadApiSocketReplaced, Level = LogLevel.Warning, Message = "somebody has removed the socket at {Socket}, changed its mode or put something else in its place, and it is put there again: who may write in its folder can give applications false roots; have pods mount it read-only")]
    internal static partial void Replaced(ILogger logger, string socket);
}
