using Culvert.Logging;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Admission;

/// <summary>Log messages about objects that the API server asks about. Who has sent them is in the server's own log.</summary>
internal static partial class AdmissionLog
{
    [LoggerMessage(LogEventIds.AdmissionRefused, LogLevel.Information, "{Operation} of {Object} is refused: {Reason}")]
    public static partial void Refused(ILogger logger, string operation, string @object, string reason);

    [LoggerMessage(LogEventIds.RefusalsUnsaid, LogLevel.Warning, "{Count} more objects were refused, of which nothing was said here; it is of {Most} at most every {Seconds:0} s.")]
    public static partial void RefusalsUnsaid(ILogger logger, long count, int most, double seconds);

    [LoggerMessage(LogEventIds.BundleNotWritten, LogLevel.Error, "The roots can't be written into the ValidatingWebhookConfiguration {Name}, which is tried again every {Seconds:0} s; the API server may refuse all objects of culvert.dev until then: {Remedy}{Reason}")]
    public static partial void BundleNotWritten(ILogger logger, string name, double seconds, string remedy, string reason);

    [LoggerMessage(LogEventIds.BundleWritten, LogLevel.Information, "The roots are in the ValidatingWebhookConfiguration {Name} again.")]
    public static partial void BundleWritten(ILogger logger, string name);
}
