using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>Log messages of the built-in authority.</summary>
internal static partial class IdentityLog
{
    [LoggerMessage(LogEventIds.IdentityUpkeepFailed, LogLevel.Error, "The upkeep of the certificate authority failed and is tried again in a minute; certificates are still signed.")]
    public static partial void UpkeepFailed(ILogger logger, Exception error);

    [LoggerMessage(LogEventIds.IdentityNotSaved, LogLevel.Error, "The index of the certificate authority can't be written and is tried again each minute; certificates are still signed: {Reason}")]
    public static partial void NotSaved(ILogger logger, string reason);

    [LoggerMessage(LogEventIds.RootMade, LogLevel.Information, "Made the root {Id}; it signs from {Activates:u} on.")]
    public static partial void RootMade(ILogger logger, string id, DateTimeOffset activates);
}
