using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Progress;

/// <summary>Log messages of how far nodes are.</summary>
internal static partial class ProgressLog
{
    [LoggerMessage(LogEventIds.ProgressNotWritten, LogLevel.Error, "What nodes have taken up can't be written into the ConfigMap {Name}, which is tried again every {Seconds:0} s; statuses that another controller writes don't count this one's nodes until then: {Remedy}{Reason}")]
    public static partial void NotWritten(ILogger logger, string name, double seconds, string remedy, string reason);

    [LoggerMessage(LogEventIds.ProgressWritten, LogLevel.Information, "What nodes have taken up is in the ConfigMap {Name} again.")]
    public static partial void Written(ILogger logger, string name);

    [LoggerMessage(LogEventIds.ProgressNotRead, LogLevel.Warning, "'{Key}' in the ConfigMap {Name} can't be read, and is taken out: {Reason}")]
    public static partial void NotRead(ILogger logger, string key, string name, string reason);

    [LoggerMessage(LogEventIds.ProgressNotTakenOut, LogLevel.Warning, "What this controller has said in the ConfigMap {Name} stays there for an hour: {Reason}")]
    public static partial void NotTakenOut(ILogger logger, string name, string reason);
}
