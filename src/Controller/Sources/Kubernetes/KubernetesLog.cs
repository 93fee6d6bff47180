using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Log messages of the cluster. What is wrong with watches and objects the store says, with all other errors.</summary>
internal static partial class KubernetesLog
{
    [LoggerMessage(LogEventIds.ClusterSynced, LogLevel.Information, "All objects of {Cluster} have been read, of {Kinds} kinds.")]
    public static partial void Synced(ILogger logger, string cluster, int kinds);

    [LoggerMessage(LogEventIds.ClusterNotRead, LogLevel.Error, "Something that {Cluster} told can't be read; the objects that it is about stay as they were. This is a bug, please report it.")]
    public static partial void NotRead(ILogger logger, Exception error, string cluster);

    [LoggerMessage(LogEventIds.StatusNotWritten, LogLevel.Warning, "The status of {Resource} {Name}, and maybe of others, can't be written, which is tried again every {Seconds:0} s: {Remedy}{Reason}")]
    public static partial void StatusNotWritten(ILogger logger, string resource, string name, double seconds, string remedy, string reason);

    [LoggerMessage(LogEventIds.RefusalNotWritten, LogLevel.Warning, "That pods of node {Node} can't be captured, or can be again, can't be written into their status, which is tried again in {Seconds:0} s; until then they count as before: {Remedy}{Reason}")]
    public static partial void RefusalNotWritten(ILogger logger, string node, double seconds, string remedy, string reason);

    [LoggerMessage(LogEventIds.EventNotWritten, LogLevel.Warning, "Events of pods that can't be captured, or can be again, can't be written; their status says it: {Remedy}{Reason}")]
    public static partial void EventNotWritten(ILogger logger, string remedy, string reason);

    [LoggerMessage(LogEventIds.ClusterNotTaken, LogLevel.Error, "Taking up the objects of {Cluster} failed; what was in force stays, and all is told again. This is a bug, please report it.")]
    public static partial void NotTaken(ILogger logger, Exception error, string cluster);
}
