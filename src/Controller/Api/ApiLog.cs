using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Api;

/// <summary>Log messages of the services; event ids 140 to 159. Keys, tokens and CSRs are never logged.</summary>
internal static partial class ApiLog
{
    [LoggerMessage(140, LogLevel.Information, "Node {Node} joined by token.")]
    public static partial void Joined(ILogger logger, string node);

    [LoggerMessage(141, LogLevel.Debug, "Signed {Identity} for node {Node}, valid until {NotAfter}.")]
    public static partial void Signed(ILogger logger, string node, string identity, DateTimeOffset notAfter);

    [LoggerMessage(142, LogLevel.Warning, "Refused a certificate for {What} to node {Node}: {Reason}")]
    public static partial void Refused(ILogger logger, string node, string what, string reason);
}
