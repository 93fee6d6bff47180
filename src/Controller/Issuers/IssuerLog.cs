using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Issuers;

/// <summary>Log messages of keys of issuers. What can't be read is an error of its object, and logged as such.</summary>
internal static partial class IssuerLog
{
    [LoggerMessage(LogEventIds.IssuerKeysRead, LogLevel.Information, "Keys of an issuer at {Uri} have changed, or were read first: {Count}.")]
    public static partial void Read(ILogger logger, string uri, int count);
}
