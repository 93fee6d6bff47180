using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Admission;

/// <summary>Says what was refused, and not more often than anybody reads: whoever reaches the port can ask. Safe for any number of threads.</summary>
internal sealed class RefusalLog(ILogger logger, TimeProvider time)
{
    private const int Most = 20;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);
    private readonly Lock _lock = new();
    private long? _begun;
    private int _said;
    private long _unsaid;

    /// <summary>Says it, or counts it.</summary>
    public void Add(string operation, AdmissionVerdict verdict)
    {
        lock (_lock)
        {
            if (_begun is not { } begun || time.GetElapsedTime(begun) >= Interval)
            {
                if (_unsaid > 0) AdmissionLog.RefusalsUnsaid(logger, _unsaid, Most, Interval.TotalSeconds);
                (_begun, _said, _unsaid) = (time.GetTimestamp(), 0, 0);
            }
            if (_said < Most)
            {
                _said++;
                AdmissionLog.Refused(logger, operation, verdict.Object, verdict.Refusal!);
            }
            else
            {
                _unsaid++;
            }
        }
    }
}
