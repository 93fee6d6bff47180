using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Upstream;

/// <summary>Log messages of the authority below an upstream one.</summary>
internal static partial class UpstreamLog
{
    [LoggerMessage(LogEventIds.UpstreamWaiting, LogLevel.Error, "The controller waits for its authority, which is asked again every {Seconds} s ({Failure}): {Reason}")]
    public static partial void Waiting(ILogger logger, double seconds, AuthorityFailure failure, string reason);

    [LoggerMessage(LogEventIds.UpstreamNotRead, LogLevel.Error, "The upstream authority can't be used now, which is tried every {Seconds} s; what it has certified before signs on while it is valid and trusted ({Failure}): {Reason}")]
    public static partial void NotUsed(ILogger logger, double seconds, AuthorityFailure failure, string reason);

    [LoggerMessage(LogEventIds.UpstreamUsedAgain, LogLevel.Information, "The upstream authority can be used again.")]
    public static partial void UsedAgain(ILogger logger);

    [LoggerMessage(LogEventIds.UpstreamNotTaken, LogLevel.Error, "The roots have changed, and not all has taken them up, which is tried again.")]
    public static partial void NotTaken(ILogger logger, Exception error);

    [LoggerMessage(LogEventIds.UpstreamRoots, LogLevel.Information, "The trust bundle has {Roots} roots now; new: {Added}; gone: {Removed}.")]
    public static partial void RootsChanged(ILogger logger, int roots, string added, string removed);

    [LoggerMessage(LogEventIds.UpstreamCertified, LogLevel.Information, "Certificates are signed by {Name} (serial number {Serial}, until {NotAfter:u}) now; another one takes over at {RenewAt:u}.")]
    public static partial void Certified(ILogger logger, string name, string serial, DateTimeOffset notAfter, DateTimeOffset renewAt);

    [LoggerMessage(LogEventIds.UpstreamEnds, LogLevel.Warning, "The upstream authority nears its end: {Subject} ends at {NotAfter:u}, sooner than what is signed with would; replace it, for certificates end with it.")]
    public static partial void Ends(ILogger logger, string subject, DateTimeOffset notAfter);

    [LoggerMessage(LogEventIds.UpstreamNotForgotten, LogLevel.Warning, "The CertificateRequest {Name}, which is of no use any more, can't be deleted, and stays: {Reason}")]
    public static partial void NotForgotten(ILogger logger, string name, string reason);

    [LoggerMessage(LogEventIds.UpstreamActivates, LogLevel.Information, "The upstream authority leads to a new root, which is in the trust bundle, and is signed below from {At:u} on.")]
    public static partial void Activates(ILogger logger, DateTimeOffset at);
}
