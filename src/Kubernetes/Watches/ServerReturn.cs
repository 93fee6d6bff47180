namespace Culvert.Kubernetes.Watches;

/// <summary>
/// Lets the watches of one server know that it is back: of many that wait after failures, each for a time of its own, the first that gets through spares the others the rest of theirs. Safe for use by several threads.
/// </summary>
public sealed class ServerReturn
{
    // A server that takes every watch and drops it at once is not back: by telling each other so, its clients would give it no rest.
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private TaskCompletionSource _next = New();
    private long? _told;

    /// <summary>Completes when the server is back the next time.</summary>
    internal Task Next
    {
        get
        {
            lock (_lock) return _next.Task;
        }
    }

    /// <summary>It is back; told once in ten seconds at most.</summary>
    internal void Tell(TimeProvider time)
    {
        lock (_lock)
        {
            if (_told is { } told && time.GetElapsedTime(told) < Least) return;
            _told = time.GetTimestamp();
            _next.SetResult();
            _next = New();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
