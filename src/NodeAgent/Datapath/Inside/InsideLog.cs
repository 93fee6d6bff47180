using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath.Inside;

internal static partial class InsideLog
{
    [LoggerMessage(EventId = LogEventIds.InsideOpened, Level = LogLevel.Information, Message = "{Workload} is captured inside its network namespace {Namespace} at {Device} (space {Space}): {Reason}")]
    internal static partial void Opened(ILogger logger, string workload, string @namespace, string device, int space, string reason);

    [LoggerMessage(EventId = LogEventIds.InsideNotOpened, Level = LogLevel.Warning, Message = "{Workload} can't be captured inside its network namespace: {Reason}")]
    internal static partial void NotOpened(ILogger logger, string workload, string reason);

    [LoggerMessage(EventId = LogEventIds.InsideAttached, Level = LogLevel.Information, Message = "programs of {Workload} are attached to {Device} in its network namespace by {How}")]
    internal static partial void Attached(ILogger logger, string workload, string device, string how);

    [LoggerMessage(EventId = LogEventIds.InsideReleased, Level = LogLevel.Information, Message = "{Workload} is no longer captured inside its network namespace")]
    internal static partial void Released(ILogger logger, string workload);

    [LoggerMessage(EventId = LogEventIds.InsideRoutesNotKept, Level = LogLevel.Warning, Message = "rules and routes of captured packets in the network namespace of {Workload} can't be looked at, or put back: {Reason}")]
    internal static partial void RoutesNotKept(ILogger logger, string workload, string reason);

    [LoggerMessage(EventId = LogEventIds.InsideNotRemoved, Level = LogLevel.Warning, Message = "what was put into the network namespace of {Workload} could not be removed, and is tried again: {Reason}")]
    internal static partial void NotRemoved(ILogger logger, string workload, string reason);
}
