using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Grpc;

/// <summary>Log messages of the server. Calls that end as their handler said, or that the client cancels, are not logged above Debug.</summary>
internal static partial class GrpcServerLog
{
    [LoggerMessage(LogEventIds.HandlerFailed, LogLevel.Error, "The handler of {Method} failed.")]
    internal static partial void HandlerFailed(ILogger logger, string method, Exception exception);

    [LoggerMessage(LogEventIds.CallEnded, LogLevel.Debug, "{Method} ended with {StatusCode}: {Detail}")]
    internal static partial void CallEnded(ILogger logger, string method, StatusCode statusCode, string detail);

    [LoggerMessage(LogEventIds.ClientGone, LogLevel.Debug, "{Method} was given up by the client.")]
    internal static partial void ClientGone(ILogger logger, string method, Exception? exception);

    [LoggerMessage(LogEventIds.NotRead, LogLevel.Warning, "{Method} was reset: {Peer} has read nothing of what waits for it for {Seconds} s.")]
    internal static partial void NotRead(ILogger logger, string method, string peer, double seconds);
}
