using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting;

/// <summary>Chooses what the gRPC packages log.</summary>
public static class GrpcLoggingExtensions
{
    /// <summary>
    /// Limits the packages' log to warnings. It has none of a server's calls: the package logs each client that leaves, and each
    /// request that is invalid, with a stack trace, so that clients could fill the log.
    /// Failures of handlers are logged by this project, as <c>Culvert.GrpcHosting</c>.
    /// </summary>
    /// <param name="logging">The log of the program.</param>
    public static ILoggingBuilder AddGrpcFilters(this ILoggingBuilder logging)
    {
        ArgumentNullException.ThrowIfNull(logging);
        return logging.AddFilter("Grpc", LogLevel.Warning).AddFilter("Grpc.AspNetCore.Server.ServerCallHandler", LogLevel.None);
    }
}
