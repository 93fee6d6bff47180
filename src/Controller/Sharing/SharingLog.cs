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

    [LoggerMessage(LogEventIds.StateNotExchanged, LogLevel.Error, "{Secret} can't be brought up to date: a node that was revoked here is refused here only, and the MeshConfig and the bundles of now do not outlive the controllers; tried again in {Seconds} s: {Reason}")]
    public static partial void NotExchanged(ILogger logger, string secret, double seconds, string reason);

    [LoggerMessage(LogEventIds.BundleCut, LogLevel.Warning, "'{Key}' of the Secret has {Roots} of {All} roots, as a trust domain's have {Most} bytes there: a controller that starts anew has to ask for the others first.")]
    public static partial void BundleCut(ILogger logger, string key, int roots, int all, int most);

    [LoggerMessage(LogEventIds.StateExchanged, LogLevel.Information, "Revocations, the MeshConfig and bundles are shared with other controllers again.")]
    public static partial void Exchanged(ILogger logger);
}
