using Culvert.Core;
using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Api;

/// <summary>Log messages of the services. Keys, tokens and CSRs are never logged.</summary>
internal static partial class ApiLog
{
    [LoggerMessage(LogEventIds.Joined, LogLevel.Information, "Node {Node} joined.")]
    public static partial void Joined(ILogger logger, string node);

    [LoggerMessage(LogEventIds.Signed, LogLevel.Information, "Signed {Identity} for node {Node}: serial number {Serial}, valid until {NotAfter:u}.")]
    public static partial void Signed(ILogger logger, string node, string identity, CertificateSerial serial, DateTimeOffset notAfter);

    [LoggerMessage(LogEventIds.JwtSigned, LogLevel.Debug, "Signed a token of {Identity} for node {Node}, valid until {ExpiresAt:u}.")]
    public static partial void JwtSigned(ILogger logger, string node, string identity, DateTimeOffset expiresAt);

    [LoggerMessage(LogEventIds.StreamEnded, LogLevel.Warning, "The stream of node {Node} ends: {Reason}")]
    public static partial void StreamEnded(ILogger logger, string node, string reason);

    [LoggerMessage(LogEventIds.NotNoted, LogLevel.Warning, "Until when the certificate of node {Node} is valid could not be written, `node list` does not know: {Reason}")]
    public static partial void NotNoted(ILogger logger, string node, string reason);

    [LoggerMessage(LogEventIds.ApiRefused, LogLevel.Warning, "Refused a certificate for {What} to node {Node}: {Reason}")]
    public static partial void Refused(ILogger logger, string node, string what, string reason);

    [LoggerMessage(LogEventIds.JoinRefused, LogLevel.Warning, "Refused a node certificate to {Node}: {Reason}")]
    public static partial void JoinRefused(ILogger logger, string node, string reason);

    [LoggerMessage(LogEventIds.JoinRefusalsUnsaid, LogLevel.Warning, "{Count} more node certificates were refused, of which nothing was said here; it is of {Most} at most every {Seconds:0} s.")]
    public static partial void JoinRefusalsUnsaid(ILogger logger, long count, int most, double seconds);

    [LoggerMessage(LogEventIds.StreamReplaced, LogLevel.Warning,
        "A second agent of the node {Node} ({Instance}) has opened a stream while the first ({Older}) had one, and takes its place: two machines use one name, or the first is gone without a word.")]
    public static partial void Replaced(ILogger logger, string node, string instance, string older);
}
