using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Authentication;

/// <summary>Log messages of credentials; none says one.</summary>
internal static partial class AuthenticationLog
{
    [LoggerMessage(LogEventIds.TokenNotRead, LogLevel.Warning, "The token in '{Path}' can't be read and the last one stays in use: {Reason}")]
    public static partial void TokenNotRead(ILogger logger, string path, string reason);

    [LoggerMessage(LogEventIds.ClientCertificateNotRead, LogLevel.Warning, "The client certificate of {Origin} can't be read and the last one stays in use: {Reason}")]
    public static partial void ClientCertificateNotRead(ILogger logger, string origin, string reason);
}
