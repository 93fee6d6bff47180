using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Cni;

/// <summary>What is to be said of pods that start, and of the plugin.</summary>
internal static partial class CniLog
{
    [LoggerMessage(EventId = LogEventIds.AttachmentUnusable, Level = LogLevel.Warning, Message = "{Path} can't be used ({Reason}), {What}; the pod that it is of is found again when the controller tells its address, until then it is refused every packet if it was captured")]
    internal static partial void AttachmentUnusable(ILogger logger, string path, string reason, string what);

    [LoggerMessage(EventId = LogEventIds.AttachmentNotRemoved, Level = LogLevel.Warning, Message = "{Path} can't be removed: {Reason}; a restarted agent has it again, until another pod has its address")]
    internal static partial void AttachmentNotRemoved(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.PodStarted, Level = LogLevel.Information, Message = "pod {Pod} starts captured: {Addresses} at {Interface}, after {Milliseconds} ms")]
    internal static partial void PodStarted(ILogger logger, string pod, string addresses, string @interface, long milliseconds);

    [LoggerMessage(EventId = LogEventIds.PodNotStarted, Level = LogLevel.Warning, Message = "pod {Pod} can't start yet, its runtime tries again: {Reason}")]
    internal static partial void PodNotStarted(ILogger logger, string pod, string reason);

    [LoggerMessage(EventId = LogEventIds.CniProgramInstalled, Level = LogLevel.Information, Message = "the CNI plugin is installed as {Path}")]
    internal static partial void ProgramInstalled(ILogger logger, string path);

    [LoggerMessage(EventId = LogEventIds.CniEntryInstalled, Level = LogLevel.Information, Message = "the CNI plugin is at the end of the list of {Path} (others may write that anew, and then it is put there again)")]
    internal static partial void EntryInstalled(ILogger logger, string path);

    [LoggerMessage(EventId = LogEventIds.CniNotWatched, Level = LogLevel.Warning, Message = "{Folder} can't be watched ({Reason}); it is looked into every {Seconds:0} s")]
    internal static partial void NotWatched(ILogger logger, string folder, double seconds, string reason);

    [LoggerMessage(EventId = LogEventIds.CniNotInstalled, Level = LogLevel.Warning, Message = "the CNI plugin is not in the network's configuration, so that pods may start before they are captured: {Reason}; it is tried again")]
    internal static partial void NotInstalled(ILogger logger, string reason);
}
