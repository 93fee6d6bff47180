using Culvert.Controller.Identity;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>Log messages of the controller as a whole.</summary>
internal static partial class HostingLog
{
    [LoggerMessage(LogEventIds.NotWatched, LogLevel.Warning, "The file system does not tell of changes in '{Folder}' ({Reason}); it is looked every {Seconds} s.")]
    public static partial void NotWatched(ILogger logger, string folder, double seconds, string reason);

    [LoggerMessage(LogEventIds.NotRotated, LogLevel.Warning, "The root is not replaced: {Reason}")]
    public static partial void NotRotated(ILogger logger, string reason);

    [LoggerMessage(LogEventIds.RotationFailed, LogLevel.Error, "The root can't be replaced now and it is tried again: {Reason}")]
    public static partial void RotationFailed(ILogger logger, string reason);

    [LoggerMessage(LogEventIds.NotRemoved, LogLevel.Warning, "The root {Id} is not removed: {Reason}")]
    public static partial void NotRemoved(ILogger logger, string id, string reason);

    [LoggerMessage(LogEventIds.RemovalFailed, LogLevel.Error, "A root can't be removed now, which is tried again: {Reason}")]
    public static partial void RemovalFailed(ILogger logger, string reason);

    [LoggerMessage(LogEventIds.IdentityNotRenewed, LogLevel.Warning, "The controller's own certificate is not renewed ({Reason}); it is valid until {NotAfter:u} and the authority is asked again at {Again:u}.")]
    public static partial void IdentityNotRenewed(ILogger logger, string reason, DateTimeOffset notAfter, DateTimeOffset again);

    [LoggerMessage(LogEventIds.HostingHangUp, LogLevel.Information, "SIGHUP changes nothing here: the folder is watched; options are read at the start.")]
    public static partial void HangUp(ILogger logger);

    [LoggerMessage(LogEventIds.AnonymousDropped, LogLevel.Warning, "{Count} connections of clients that have proven no node gave way to newer ones, or had not done so in time; said at most every 30 s.")]
    public static partial void AnonymousDropped(ILogger logger, long count);

    [LoggerMessage(LogEventIds.TooManyOfANode, LogLevel.Warning, "The node {Node} has {Most} connections; another one is refused.")]
    public static partial void TooManyOfANode(ILogger logger, string node, int most);

    [LoggerMessage(LogEventIds.NoRoomKept, LogLevel.Error, "No room can be kept in '{Folder}' for revoking nodes while the disk is full, which is tried again: {Reason}")]
    public static partial void NoRoomKept(ILogger logger, string folder, string reason);

    [LoggerMessage(LogEventIds.RootsNotWritten, LogLevel.Error, "'{Path}' can't be written, which is tried again: {Reason}")]
    public static partial void RootsNotWritten(ILogger logger, string path, string reason);

    [LoggerMessage(LogEventIds.RootsNotPublished, LogLevel.Error, "The roots can't be written into the ConfigMap {Name}, which is tried again every {Seconds:0} s; nodes that have it mounted may not join until then: {Remedy}{Reason}")]
    public static partial void RootsNotPublished(ILogger logger, string name, double seconds, string remedy, string reason);

    [LoggerMessage(LogEventIds.RootsPublished, LogLevel.Information, "The roots are in the ConfigMap {Name} again.")]
    public static partial void RootsPublished(ILogger logger, string name);

    [LoggerMessage(LogEventIds.StateUpkeepFailed, LogLevel.Error, "What was asked for by files in '{Folder}' is tried again; that it failed in this way is a bug, please report it.")]
    public static partial void StateUpkeepFailed(ILogger logger, Exception error, string folder);

    [LoggerMessage(LogEventIds.ControllerLeaving, LogLevel.Information, "The controller was told to stop: for {Seconds:0.#} s it is not ready, and serves who doesn't know yet.")]
    public static partial void Leaving(ILogger logger, double seconds);

    [LoggerMessage(LogEventIds.NoIdentityToShow, LogLevel.Error, "No agent can connect, as there is no certificate of the controller to show to it ({Failure}): {Reason}")]
    public static partial void NoIdentityToShow(ILogger logger, AuthorityFailure failure, string reason);

    [LoggerMessage(LogEventIds.BuiltInRootsUnused, LogLevel.Warning, "'{Folder}' has roots of the built-in authority, which are in no trust bundle while another authority signs: nodes that have joined below them have to join again. Delete the folder once that is over.")]
    public static partial void BuiltInRootsUnused(ILogger logger, string folder);
}
