namespace Culvert.Kubernetes.Leadership;

/// <summary>The time that one may lead: until so long after the last renewal was begun, or until somebody else was seen to have the lease.</summary>
internal sealed class LeaderTerm : IAsyncDisposable
{
    private readonly LeaderElectionOptions _options;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _over = new();
    private readonly ITimer _fence;
    private volatile bool _isTaken;

    /// <param name="options">How long.</param>
    /// <param name="time">The clock.</param>
    /// <param name="begun">When getting the lease was begun.</param>
    public LeaderTerm(LeaderElectionOptions options, TimeProvider time, long begun)
    {
        (_options, _time) = (options, time);
        _fence = time.CreateTimer(_ => End(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Renewed(begun);
    }

    /// <summary>Cancelled when it is over.</summary>
    public CancellationToken Token => _over.Token;

    public bool IsOver => _over.IsCancellationRequested;

    /// <summary>Whether it is over because somebody else has the lease.</summary>
    public bool IsTaken => _isTaken;

    /// <summary>The lease was renewed; begun then. Too late a renewal ends the term: others may have taken over meanwhile.</summary>
    public void Renewed(long begun)
    {
        TimeSpan left = _options.RenewDeadline - _time.GetElapsedTime(begun);
        if (left > TimeSpan.Zero) _fence.Change(left, Timeout.InfiniteTimeSpan);
        else End();
    }

    public void Taken()
    {
        _isTaken = true;
        End();
    }

    public async ValueTask DisposeAsync()
    {
        await _fence.DisposeAsync();
        _over.Dispose();
    }

    // Those who wait for it run on other threads; a callback that throws must not end the timer's.
    private void End() => _ = _over.CancelAsync();
}
