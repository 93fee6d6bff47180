namespace Culvert.Controller.Admission;

/// <summary>Bytes that may be in use at a time. Who asks for more than is left waits, behind those that wait already. Safe for any number of threads.</summary>
/// <param name="most">How many.</param>
internal sealed class ByteBudget(long most)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiting = [];
    private long _used;

    /// <summary>How many there are.</summary>
    public long Most => most;

    /// <summary>How many are not in use.</summary>
    public long Left
    {
        get
        {
            lock (_lock) return most - _used;
        }
    }

    /// <summary>Takes some; disposing what is returned gives them back.</summary>
    /// <param name="bytes">How many; at most <see cref="Most"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<IDisposable> TakeAsync(long bytes, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, most);
        LinkedListNode<Waiter> own = new(new(bytes));
        lock (_lock)
        {
            _waiting.AddLast(own);
            Serve();
        }
        try
        {
            await own.Value.Granted.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Leave(own);
            throw;
        }
        return new Share(this, own);
    }

    private void Leave(LinkedListNode<Waiter> own)
    {
        lock (_lock)
        {
            if (own.List is not null) _waiting.Remove(own);
            else _used -= own.Value.Bytes;
            Serve();
        }
    }

    private void Serve()
    {
        while (_waiting.First is { Value: var first } && first.Bytes <= most - _used)
        {
            _used += first.Bytes;
            _waiting.RemoveFirst();
            first.Granted.SetResult();
        }
    }

    private sealed record Waiter(long Bytes)
    {
        public TaskCompletionSource Granted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Share(ByteBudget budget, LinkedListNode<Waiter> own) : IDisposable
    {
        private int _isGivenBack;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isGivenBack, 1) == 0) budget.Leave(own);
        }
    }
}
