using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Spire;

/// <summary>Log messages of the authority that is a SPIRE server's.</summary>
internal static partial class SpireLog
{
    [LoggerMessage(LogEventIds.SpireWaiting, LogLevel.Error, "The controller waits for its authority, which is asked again every {Seconds} s ({Failure}): {Reason}")]
    public static partial void Waiting(ILogger logger, double seconds, AuthorityFailure failure, string reason);

    [LoggerMessage(LogEventIds.SpireBundleNotRead, LogLevel.Error, "The trust bundle can't be read again, which is tried every {Seconds} s; what was read last is in force ({Failure}): {Reason}")]
    public static partial void BundleNotRead(ILogger logger, double seconds, AuthorityFailure failure, string reason);

    [LoggerMessage(LogEventIds.SpireBundleNotTaken, LogLevel.Error, "The trust bundle has changed, and not all has taken it up, which is tried again.")]
    public static partial void BundleNotTaken(ILogger logger, Exception error);

    [LoggerMessage(LogEventIds.SpireBundleRead, LogLevel.Information, "The trust bundle of {TrustDomain} has {Roots} roots now (sequence {Sequence}).")]
    public static partial void BundleRead(ILogger logger, string trustDomain, int roots, ulong sequence);

    [LoggerMessage(LogEventIds.SpireNoIdentity, LogLevel.Error, "The controller gets no identity, which is tried again: {Reason}")]
    public static partial void NoIdentity(ILogger logger, string reason);
}
