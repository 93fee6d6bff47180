using Culvert.Kubernetes.Errors;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Watches;

/// <summary>Log messages of what keeps objects up to date. That a watch ends as it was asked to is not logged: it does every few minutes.</summary>
internal static partial class WatchLog
{
    [LoggerMessage(LogEventIds.ReflectorFailed, LogLevel.Warning, "{Resource} are not up to date ({Failure}), the next attempt is in {Seconds:0.0} s: {Remedy}{Reason}")]
    public static partial void Failed(ILogger logger, string resource, ApiFailure failure, double seconds, string remedy, string reason);

    [LoggerMessage(LogEventIds.ReflectorRelists, LogLevel.Information, "{Resource} are listed anew: the server no longer keeps what happened since version {Version}.")]
    public static partial void Relists(ILogger logger, string resource, string version);

    [LoggerMessage(LogEventIds.ReflectorRecovered, LogLevel.Information, "{Resource} are up to date again.")]
    public static partial void Recovered(ILogger logger, string resource);

    [LoggerMessage(LogEventIds.ObjectUnreadable, LogLevel.Warning, "{Resource} {Name} can't be read: {Reason}")]
    public static partial void Unreadable(ILogger logger, string resource, string name, string reason);
}
