using System.Diagnostics;

namespace Culvert.Bench.Scale;

/// <summary>Who has acknowledged a change, and when. Safe for any number of threads.</summary>
/// <param name="change">The change; others of its resource must not be under way.</param>
/// <param name="start">When it is made, by <see cref="Stopwatch"/>.</param>
internal sealed class ChangeWatch(ScaleChange change, long start)
{
    private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private readonly HashSet<string> _missing = new(change.Nodes, StringComparer.Ordinal);
    private readonly List<double> _seconds = new(change.Nodes.Count);

    /// <summary>Completes when all have whose business it is.</summary>
    public Task All => _all.Task;

    /// <summary>How many have.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _seconds.Count;
        }
    }

    /// <summary>How long it took each, in no order.</summary>
    public IReadOnlyList<double> Seconds
    {
        get
        {
            lock (_lock) return [.. _seconds];
        }
    }

    /// <summary>Takes note of what an agent has acknowledged.</summary>
    public void Acked(string node, ReceivedSnapshot response)
    {
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (!response.Resources.Contains(change.Resource)) return;
        lock (_lock)
        {
            if (!_missing.Remove(node)) return;
            _seconds.Add(seconds);
            if (_missing.Count == 0) _all.TrySetResult();
        }
    }
}
