using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Leadership;

/// <summary>Log messages of elections.</summary>
internal static partial class LeadershipLog
{
    [LoggerMessage(LogEventIds.LeaderElected, LogLevel.Information, "{Identity} leads: it has the lease {Lease}.")]
    public static partial void Elected(ILogger logger, string identity, string lease);

    [LoggerMessage(LogEventIds.LeadershipLost, LogLevel.Warning, "{Identity} no longer leads by the lease {Lease}: {Reason}")]
    public static partial void Lost(ILogger logger, string identity, string lease, string reason);

    [LoggerMessage(LogEventIds.LeaseNotRenewed, LogLevel.Warning, "The lease {Lease} could not be got or renewed, which is tried again every {Seconds:0.#} s: {Remedy}{Reason}")]
    public static partial void NotRenewed(ILogger logger, string lease, double seconds, string remedy, string reason);

    [LoggerMessage(LogEventIds.LeaderSeen, LogLevel.Information, "The lease {Lease} is held by '{Leader}'.")]
    public static partial void Seen(ILogger logger, string lease, string leader);

    [LoggerMessage(LogEventIds.LeaseNotReleased, LogLevel.Warning, "The lease {Lease} could not be released; others wait until it has run out: {Reason}")]
    public static partial void NotReleased(ILogger logger, string lease, string reason);
}
