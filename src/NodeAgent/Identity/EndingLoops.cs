namespace Culvert.NodeAgent.Identity;

/// <summary>Loops that were told to stop, and may not have ended yet. Called under its owner's lock.</summary>
internal sealed class EndingLoops
{
    private readonly List<Task> _loops = [];

    /// <summary>Those that may be running.</summary>
    internal IEnumerable<Task> Loops => _loops;

    /// <summary>Stops one.</summary>
    /// <param name="stop">Tells it to; disposed of when it has ended.</param>
    /// <param name="loop">It.</param>
    internal void Add(CancellationTokenSource stop, Task loop)
    {
        _loops.RemoveAll(l => l.IsCompleted);
        _loops.Add(EndAsync(stop, loop));
    }

    private static async Task EndAsync(CancellationTokenSource stop, Task loop)
    {
        using (stop)
        {
            await stop.CancelAsync();
            await loop;
        }
    }
}
