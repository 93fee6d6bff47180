namespace Culvert.Kubernetes.RateLimiting;

/// <summary>A token bucket: so many requests a second, and so many at once after a pause. Who waits is served in turn; who gives up takes no token. Safe for use by many threads.</summary>
internal sealed class RequestLimiter : IDisposable
{
    private readonly double _perSecond;
    private readonly double _burst;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _turn = new(1);
    private double _tokens;
    private long _filledAt;

    /// <param name="perSecond">Requests a second, more than 0; infinity for no limit.</param>
    /// <param name="burst">Requests at once, at least 1.</param>
    /// <param name="time">The clock.</param>
    public RequestLimiter(double perSecond, int burst, TimeProvider time)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(perSecond);
        ArgumentOutOfRangeException.ThrowIfLessThan(burst, 1);
        (_perSecond, _burst, _tokens, _time, _filledAt) = (perSecond, burst, burst, time, time.GetTimestamp());
    }

    /// <summary>Waits for a token.</summary>
    /// <returns>How long that took.</returns>
    public async ValueTask<TimeSpan> WaitAsync(CancellationToken cancellationToken)
    {
        if (double.IsPositiveInfinity(_perSecond)) return TimeSpan.Zero;
        long start = _time.GetTimestamp();
        await _turn.WaitAsync(cancellationToken);
        try
        {
            while (!TryTake(out TimeSpan wait)) await Task.Delay(wait, _time, cancellationToken);
            return _time.GetElapsedTime(start);
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private bool TryTake(out TimeSpan wait)
    {
        long now = _time.GetTimestamp();
        _tokens = Math.Min(_burst, _tokens + (_time.GetElapsedTime(_filledAt, now).TotalSeconds * _perSecond));
        _filledAt = now;
        if (_tokens >= 1)
        {
            _tokens--;
            wait = TimeSpan.Zero;
            return true;
        }
        // A timer counts whole milliseconds.
        wait = TimeSpan.FromMilliseconds(Math.Max(1, Math.Ceiling((1 - _tokens) / _perSecond * 1000)));
        return false;
    }
}
