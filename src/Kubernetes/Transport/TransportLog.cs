using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Transport;

/// <summary>Log messages of requests. That one failed is not logged here: its caller is told.</summary>
internal static partial class TransportLog
{
    [LoggerMessage(LogEventIds.TlsNotVerified, LogLevel.Warning, "INSECURE: {Origin} has insecure-skip-tls-verify: whoever answers at {Server} is believed to be the API server and is given the credentials. Give its authority instead (certificate-authority-data).")]
    public static partial void TlsNotVerified(ILogger logger, string origin, Uri server);

    [LoggerMessage(LogEventIds.RequestDelayed, LogLevel.Debug, "The API server asks to come back in {Seconds} s; attempt {Attempt}: {Reason}")]
    public static partial void RequestDelayed(ILogger logger, double seconds, int attempt, string reason);
}
