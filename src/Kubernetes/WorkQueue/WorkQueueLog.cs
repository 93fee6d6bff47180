using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.WorkQueue;

/// <summary>Log messages of work queues.</summary>
internal static partial class WorkQueueLog
{
    [LoggerMessage(LogEventIds.QueueWorkFailed, LogLevel.Warning, "Work of '{Queue}' on {Item} failed, {Failures} times in a row, and is tried again.")]
    public static partial void WorkFailed(ILogger logger, Exception error, string queue, string item, int failures);
}
