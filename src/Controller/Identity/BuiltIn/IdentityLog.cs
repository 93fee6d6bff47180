using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>Log messages of the built-in authority.</summary>
internal static partial class IdentityLog
{
    [LoggerMessage(LogEventIds.IdentityUpkeepFailed, LogLevel.Error, "The upkeep of the certificate authority failed and is tried again in a minute; certificates are still signed.")]
    public static partial void UpkeepFailed(ILogger logger, Exception error);

    [LoggerMessage(LogEventIds.IdentityNotSaved, LogLevel.Error, "What has changed of the certificate authority can't be written, or not be read, and is tried again each minute; certificates are still signed: {Reason}")]
    public static partial void NotSaved(ILogger logger, string reason);

    [LoggerMessage(LogEventIds.RootsWrittenAgain, LogLevel.Error, "Somebody has emptied what keeps the roots of the certificate authority: those that are in force here were written into it again.")]
    public static partial void WrittenAgain(ILogger logger);

    [LoggerMessage(LogEventIds.RootMade, LogLevel.Information, "Made the root {Id}; it signs from {Activates:u} on.")]
    public static partial void RootMade(ILogger logger, string id, DateTimeOffset activates);

    [LoggerMessage(LogEventIds.RootSignsNow, LogLevel.Warning, "The root {Id} signs from now on, as was asked for: what is signed is refused by agents that have not got it yet.")]
    public static partial void RootSignsNow(ILogger logger, string id);

    [LoggerMessage(LogEventIds.RootLeft, LogLevel.Information, "The root {Id} has left the trust bundle: no certificate below it is valid any more.")]
    public static partial void RootLeft(ILogger logger, string id);

    [LoggerMessage(LogEventIds.RootRemoved, LogLevel.Warning, "The root {Id} was removed from the trust bundle: nodes and workloads whose certificates lead to it have to have others, which connected agents ask for now.")]
    public static partial void RootRemoved(ILogger logger, string id);

    [LoggerMessage(LogEventIds.IntermediateRevoked, LogLevel.Warning, "The intermediate authority with the serial number {Serial} is revoked: another one signs from now on.")]
    public static partial void IntermediateRevoked(ILogger logger, string serial);

    [LoggerMessage(LogEventIds.RootKeyDeleted, LogLevel.Information, "Deleted the key of a root that has left the trust bundle: {Id}.")]
    public static partial void RootKeyDeleted(ILogger logger, string id);
}
