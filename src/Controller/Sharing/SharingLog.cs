using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>Log messages of what controllers share. What a Secret holds is never logged.</summary>
internal static partial class SharingLog
{
    [LoggerMessage(LogEventIds.WaitingForState, LogLevel.Warning, "Waiting for {Secret}, which is tried again every {Seconds} s: {Reason}")]
    public static partial void Waiting(ILogger logger, string secret, double seconds, string reason);

    [LoggerMessage(LogEventIds.IndexNotCopied, LogLevel.Warning, "{Path} can't be written, `root` commands of this controller don't know the roots: {Reason}")]
    public static partial void IndexNotCopied(ILogger logger, string path, string reason);

    [LoggerMessage(LogEventIds.RevocationShared, LogLevel.Warning, "Certificates of node {Node} made until {Until:u} are refused: it was revoked at another controller.")]
    public static partial void Revoked(ILogger logger, string node, DateTimeOffset until);

    [LoggerMessage(LogEventIds.RevocationsNotShared, LogLevel.Error, "Revocations can't be exchanged with other controllers, and what was revoked here is refused here only; tried again in {Seconds} s: {Reason}")]
    public static partial void RevocationsNotShared(ILogger logger, double seconds, string reason);

    [LoggerMessage(LogEventIds.RevocationsExchanged, LogLevel.Information, "Revocations are exchanged with other controllers again.")]
    public static partial void RevocationsExchanged(ILogger logger);
}
