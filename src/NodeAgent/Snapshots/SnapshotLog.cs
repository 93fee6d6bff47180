using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Snapshots;

internal static partial class SnapshotLog
{
    [LoggerMessage(EventId = 201, Level = LogLevel.Error, Message = "{Path} can't be used ({Reason}); set aside as {Aside}, waiting for the controller")]
    internal static partial void FileCorrupt(ILogger logger, string path, string reason, string aside);

    [LoggerMessage(EventId = 202, Level = LogLevel.Information, Message = "snapshot {Version} is in force: {Workloads} workloads ({Local} here), {Services} services, {Policies} policies")]
    internal static partial void Applied(ILogger logger, ulong version, int workloads, int local, int services, int policies);

    [LoggerMessage(EventId = 203, Level = LogLevel.Error, Message = "snapshot {Version} refused, version {Kept} stays in force: {Reason}")]
    internal static partial void Rejected(ILogger logger, ulong version, ulong kept, string reason);

    [LoggerMessage(EventId = 204, Level = LogLevel.Information, Message = "connected to controller {Address}")]
    internal static partial void Connected(ILogger logger, Uri address);

    [LoggerMessage(EventId = 205, Level = LogLevel.Warning, Message = "no connection to controller {Address}: {Reason}; next try in {Wait} ms")]
    internal static partial void Disconnected(ILogger logger, Uri address, string reason, long wait);

    [LoggerMessage(EventId = 206, Level = LogLevel.Information, Message = "snapshot {Version} from disk is in force until the controller answers")]
    internal static partial void Restored(ILogger logger, ulong version);

    [LoggerMessage(EventId = 209, Level = LogLevel.Warning, Message = "{Path} can't be removed, though a newer snapshot is saved where it belongs: {Reason}")]
    internal static partial void FallbackStays(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = 208, Level = LogLevel.Information, Message = "snapshot {Version} is saved, as it could not be before")]
    internal static partial void Saved(ILogger logger, ulong version);

    [LoggerMessage(EventId = 207, Level = LogLevel.Error, Message = "snapshot {Version} is in force but can't be saved, which is tried again: {Reason}; an agent that starts meanwhile begins with an older one")]
    internal static partial void NotSaved(ILogger logger, ulong version, string reason);
}
