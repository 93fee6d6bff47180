namespace Culvert.Controller.Api;

/// <summary>
/// Bounds how many long responses are made and sent at a time. A delta may be as long as the world and lies in memory until the agent has taken it, and when something changes for
/// all workloads, every agent is to get one at once: a thousand of them took gigabytes. Together they are sent no faster than one after the other, nor are those of a controller that starts. Safe for any number of threads.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class LongResponses(TimeProvider time) : IDisposable
{
    /// <summary>Most at a time: enough to keep processors and network busy while agents answer.</summary>
    public const int Most = 16;

    /// <summary>From so many resources on a response is a long one.</summary>
    public const int FewestResources = 500;

    /// <summary>An agent that takes its response more slowly keeps others waiting no longer than that.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _places = new(Most, Most);

    /// <summary>Waits for a place; whoever comes first has it first. It is free again when what is returned is disposed, or after <see cref="Longest"/>.</summary>
    public async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await _places.WaitAsync(cancellationToken);
        return new Place(_places, time);
    }

    /// <inheritdoc/>
    public void Dispose() => _places.Dispose();

    private sealed class Place : IDisposable
    {
        private readonly SemaphoreSlim _places;
        private readonly ITimer _timer;
        private int _left;

        public Place(SemaphoreSlim places, TimeProvider time)
        {
            _places = places;
            _timer = time.CreateTimer(static place => ((Place)place!).Leave(), this, Longest, Timeout.InfiniteTimeSpan);
        }

        public void Dispose()
        {
            _timer.Dispose();
            Leave();
        }

        private void Leave()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0) _places.Release();
        }
    }
}
