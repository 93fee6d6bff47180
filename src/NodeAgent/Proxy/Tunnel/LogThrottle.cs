namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// Decides which failures are logged: one per key (a peer's address, an error) and interval, and so many of all keys, over all loops. Bounded: the table is emptied when it is
/// full. Thread-safe; asked only when something failed.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="interval">Between two log lines on one key.</param>
/// <typeparam name="TKey">What failures are told apart by.</typeparam>
internal sealed class LogThrottle<TKey>(TimeProvider time, TimeSpan interval)
    where TKey : notnull
{
    /// <summary>Most lines of all keys together in one interval.</summary>
    internal const int MaxLines = 20;

    private const int MaxKeys = 4096;
    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, (long Since, int Suppressed)> _failures = [];
    private long _since;
    private int _lines;

    /// <summary>Whether to log this one, and how many of the same key were not since the last that was.</summary>
    internal ThrottledLine Next(TKey key)
    {
        lock (_lock)
        {
            bool known = _failures.TryGetValue(key, out (long Since, int Suppressed) last);
            bool due = !known || time.GetElapsedTime(last.Since) >= interval;
            if (due && (_lines == 0 || time.GetElapsedTime(_since) >= interval)) (_since, _lines) = (time.GetTimestamp(), 0);
            bool log = due && _lines < MaxLines;
            if (log) _lines++;
            if (!known && _failures.Count >= MaxKeys) _failures.Clear();
            _failures[key] = log ? (time.GetTimestamp(), 0) : (last.Since, last.Suppressed + 1);
            return new ThrottledLine(log, last.Suppressed, IsLast: log && _lines == MaxLines);
        }
    }
}
