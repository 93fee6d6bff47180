using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Revocation;

/// <summary>Log messages about revocation lists.</summary>
internal static partial class RevocationLog
{
    [LoggerMessage(LogEventIds.RevocationListRead, LogLevel.Information, "{Path}: the list of '{Issuer}' of {Issued:u} has {Count} revoked certificates.")]
    public static partial void Read(ILogger logger, string path, string issuer, DateTimeOffset issued, int count);

    [LoggerMessage(LogEventIds.RevocationListNotRead, LogLevel.Error, "A file of revocation lists can't be used, which is tried every {Seconds} s; what it said last is in force: {Reason}")]
    public static partial void NotRead(ILogger logger, double seconds, string reason);

    [LoggerMessage(LogEventIds.RevocationListReadAgain, LogLevel.Information, "{Path} can be used again.")]
    public static partial void ReadAgain(ILogger logger, string path);

    [LoggerMessage(LogEventIds.RevocationListLate, LogLevel.Warning, "{Path}: '{Issuer}' should have issued another list by {Due:u}; the one that there is stays in force.")]
    public static partial void Late(ILogger logger, string path, string issuer, DateTimeOffset due);

    [LoggerMessage(LogEventIds.RevocationListGone, LogLevel.Warning, "{Path} has no list of '{Issuer}' any more: the {Count} certificates that it has revoked are believed again.")]
    public static partial void Gone(ILogger logger, string path, string issuer, int count);

    [LoggerMessage(LogEventIds.RevocationListsTooMany, LogLevel.Error, "Revocation lists name {Count} certificates, and {Most} are the most: what they said before stays in force. Have those left out that have ended.")]
    public static partial void TooMany(ILogger logger, int count, int most);

    [LoggerMessage(LogEventIds.RevocationListNotTaken, LogLevel.Error, "Revocation lists have changed, and not all has taken them up, which is tried again.")]
    public static partial void NotTaken(ILogger logger, Exception error);
}
