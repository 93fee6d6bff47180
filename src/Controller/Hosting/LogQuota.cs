namespace Culvert.Controller.Hosting;

/// <summary>How often something is said that whoever reaches a port can bring about: not more often than anybody reads. Safe for any number of threads.</summary>
internal sealed class LogQuota(TimeProvider time)
{
    /// <summary>Most that is said in an interval.</summary>
    public const int Most = 20;

    /// <summary>The interval.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private long? _begun;
    private int _said;
    private long _unsaid;

    /// <summary>Whether it is said; else it is counted.</summary>
    /// <param name="unsaid">How many were not said in intervals before, where that was not told yet.</param>
    public bool TryTake(out long unsaid)
    {
        lock (_lock)
        {
            unsaid = 0;
            if (_begun is not { } begun || time.GetElapsedTime(begun) >= Interval)
            {
                unsaid = _unsaid;
                (_begun, _said, _unsaid) = (time.GetTimestamp(), 0, 0);
            }
            if (_said >= Most)
            {
                _unsaid++;
                return false;
            }
            _said++;
            return true;
        }
    }
}
