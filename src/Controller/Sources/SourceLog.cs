using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources;

/// <summary>Log messages of sources; event ids 100 to 119.</summary>
internal static partial class SourceLog
{
    [LoggerMessage(100, LogLevel.Warning, "Not in force: {Error}")]
    public static partial void BadObject(ILogger logger, SourceError error);

    [LoggerMessage(101, LogLevel.Warning, "The folder {Folder} can't be watched; it is read every few seconds instead.")]
    public static partial void WatchFailed(ILogger logger, Exception error, string folder);

    [LoggerMessage(102, LogLevel.Debug, "Stopped watching {Folder}.")]
    public static partial void WatchStopped(ILogger logger, string folder);

    [LoggerMessage(103, LogLevel.Error, "Taking up the objects in {Folder} failed; what was in force stays. This is a bug, please report it.")]
    public static partial void ReadFailed(ILogger logger, Exception error, string folder);
}
