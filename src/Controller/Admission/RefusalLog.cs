using Culvert.Controller.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Admission;

/// <summary>Says what was refused, and not more often than anybody reads: whoever reaches the port can ask. Safe for any number of threads.</summary>
internal sealed class RefusalLog(ILogger logger, TimeProvider time)
{
    private readonly LogQuota _quota = new(time);

    /// <summary>Says it, or counts it.</summary>
    public void Add(string operation, AdmissionVerdict verdict)
    {
        if (!_quota.TryTake(out long unsaid)) return;
        if (unsaid > 0) AdmissionLog.RefusalsUnsaid(logger, unsaid, LogQuota.Most, LogQuota.Interval.TotalSeconds);
        AdmissionLog.Refused(logger, operation, verdict.Object, verdict.Refusal!);
    }
}
