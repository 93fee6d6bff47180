using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Informers;

/// <summary>Log messages of informers.</summary>
internal static partial class InformerLog
{
    [LoggerMessage(LogEventIds.HandlerOfResourcesFailed, LogLevel.Error, "A handler of {Resource} failed; it is told what comes next, others are told everything. This is a bug, please report it.")]
    public static partial void HandlerFailed(ILogger logger, Exception error, string resource);
}
