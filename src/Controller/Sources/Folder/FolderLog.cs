using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Folder;

/// <summary>Log messages of the folder.</summary>
internal static partial class FolderLog
{
    [LoggerMessage(LogEventIds.WatchFailed, LogLevel.Warning, "The folder {Folder} can't be watched as a whole; it is read every few seconds as well: {Reason}")]
    public static partial void WatchFailed(ILogger logger, string folder, string reason);

    [LoggerMessage(LogEventIds.WatchStopped, LogLevel.Debug, "Stopped watching {Folder}.")]
    public static partial void WatchStopped(ILogger logger, string folder);

    [LoggerMessage(LogEventIds.ReadFailed, LogLevel.Error, "Taking up the objects in {Folder} failed; what was in force stays. This is a bug, please report it.")]
    public static partial void ReadFailed(ILogger logger, Exception error, string folder);
}
