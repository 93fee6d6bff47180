using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Snapshots;

internal static partial class SnapshotLog
{
    [LoggerMessage(EventId = LogEventIds.SnapshotFileCorrupt, Level = LogLevel.Error, Message = "{Path} can't be used ({Reason}); set aside as {Aside}, waiting for the controller")]
    internal static partial void FileCorrupt(ILogger logger, string path, string reason, string aside);

    [LoggerMessage(EventId = LogEventIds.Applied, Level = LogLevel.Information, Message = "snapshot {Version} is in force: {Workloads} workloads ({Local} here), {Services} services, {Policies} policies")]
    internal static partial void Applied(ILogger logger, ulong version, int workloads, int local, int services, int policies);

    [LoggerMessage(EventId = LogEventIds.Rejected, Level = LogLevel.Error, Message = "snapshot {Version} refused, version {Kept} stays in force: {Reason}")]
    internal static partial void Rejected(ILogger logger, ulong version, ulong kept, string reason);

    [LoggerMessage(EventId = LogEventIds.SnapshotConnected, Level = LogLevel.Information, Message = "connected to controller {Address}")]
    internal static partial void Connected(ILogger logger, Uri address);

    [LoggerMessage(EventId = LogEventIds.SnapshotDisconnected, Level = LogLevel.Warning, Message = "no connection to controller {Address}: {Reason}; next try in {Wait} ms")]
    internal static partial void Disconnected(ILogger logger, Uri address, string reason, long wait);

    [LoggerMessage(EventId = LogEventIds.SnapshotStreamEnded, Level = LogLevel.Information, Message = "the controller {Address} has ended the stream, to be asked again, as it does now and then beside others; next try in {Wait} ms")]
    internal static partial void Ended(ILogger logger, Uri address, long wait);

    [LoggerMessage(EventId = LogEventIds.Restored, Level = LogLevel.Information, Message = "snapshot {Version} from disk is in force until the controller answers")]
    internal static partial void Restored(ILogger logger, ulong version);

    [LoggerMessage(EventId = LogEventIds.FallbackStays, Level = LogLevel.Warning, Message = "{Path} can't be removed, though a newer snapshot is saved where it belongs: {Reason}")]
    internal static partial void FallbackStays(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = LogEventIds.RefusalsUnknown, Level = LogLevel.Warning, Message = "the controller is older than this agent and does not take {Count} workloads out of the mesh that this node can't capture")]
    internal static partial void RefusalsUnknown(ILogger logger, int count);

    [LoggerMessage(EventId = LogEventIds.RefusalsNotTold, Level = LogLevel.Warning, Message = "the controller could not be told that this node can't capture {Count} workloads: {Reason}; next try in {Wait} ms")]
    internal static partial void RefusalsNotTold(ILogger logger, int count, string reason, long wait);

    [LoggerMessage(EventId = LogEventIds.SnapshotSaved, Level = LogLevel.Information, Message = "snapshot {Version} is saved, as it could not be before")]
    internal static partial void Saved(ILogger logger, ulong version);

    [LoggerMessage(EventId = LogEventIds.SnapshotNotSaved, Level = LogLevel.Error, Message = "snapshot {Version} is in force but can't be saved where it belongs, which is tried again: {Reason}")]
    internal static partial void NotSaved(ILogger logger, ulong version, string reason);
}
