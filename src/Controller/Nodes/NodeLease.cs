namespace Culvert.Controller.Nodes;

/// <summary>How long a call that goes on may do so: until its node may not make it any more.</summary>
internal sealed class NodeLease : IDisposable
{
    // Timers take 49 days at most; a check more does no harm.
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private readonly CancellationTokenSource _ended = new();
    private readonly Func<string?> _refusal;
    private readonly Action<Action> _unsubscribe;
    private readonly DateTimeOffset? _expires;
    private readonly TimeProvider _time;
    private readonly ITimer _expiry;

    /// <param name="refusal">Why the node may not make the call now; null: it may.</param>
    /// <param name="subscribe">Subscribes to whatever may change that.</param>
    /// <param name="unsubscribe">Ends the subscription.</param>
    /// <param name="expires">When its certificate ends; null: it has none.</param>
    /// <param name="time">The clock.</param>
    public NodeLease(Func<string?> refusal, Action<Action> subscribe, Action<Action> unsubscribe, DateTimeOffset? expires, TimeProvider time)
    {
        (_refusal, _unsubscribe, _expires, _time) = (refusal, unsubscribe, expires, time);
        _expiry = time.CreateTimer(_ => Check(), null, UntilExpiry(), Timeout.InfiniteTimeSpan);
        subscribe(Check);

        // What has changed since the call was let in.
        Check();
    }

    /// <summary>Cancelled when the call must end.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Why; empty before.</summary>
    public string Reason { get; private set; } = "";

    public void Dispose()
    {
        _unsubscribe(Check);
        _expiry.Dispose();
    }

    private TimeSpan UntilExpiry()
    {
        if (_expires is not { } expires) return Timeout.InfiniteTimeSpan;
        TimeSpan left = expires - _time.GetUtcNow() + TimeSpan.FromMilliseconds(1);
        return left < TimeSpan.Zero ? TimeSpan.Zero : left < LongestTimer ? left : LongestTimer;
    }

    private void Check()
    {
        if (_ended.IsCancellationRequested) return;
        if (_refusal() is not { } reason)
        {
            _expiry.Change(UntilExpiry(), Timeout.InfiniteTimeSpan);
            return;
        }
        Reason = reason;
        _ended.Cancel();
    }
}
