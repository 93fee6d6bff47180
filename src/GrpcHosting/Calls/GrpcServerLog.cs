using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting;

/// <summary>Log messages of the server beside those of Grpc.AspNetCore.Server.</summary>
internal static partial class GrpcServerLog
{
    [LoggerMessage(LogEventIds.HandlerFailed, LogLevel.Error, "The handler of {Method} failed.")]
    internal static partial void HandlerFailed(ILogger logger, string method, Exception exception);

    [LoggerMessage(
        LogEventIds.NotRead, LogLevel.Warning, "{Method} was reset: {Peer} has read nothing of what waits for it for {Seconds} s.")]
    internal static partial void NotRead(ILogger logger, string method, string peer, double seconds);
}
