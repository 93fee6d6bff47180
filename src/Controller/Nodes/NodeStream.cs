namespace Culvert.Controller.Nodes;

/// <summary>A snapshot stream's place among those of its node. Disposing it lets the next one begin.</summary>
internal sealed class NodeStream : IDisposable
{
    private readonly CancellationTokenSource _replaced = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="instance">The agent process.</param>
    /// <param name="rival">What <see cref="Rival"/> is.</param>
    /// <param name="olderGone">What <see cref="OlderGone"/> is.</param>
    public NodeStream(string instance, string rival, Task olderGone)
    {
        (Instance, Rival, OlderGone) = (instance, rival, olderGone);
        Gone = WaitAsync(olderGone);
    }

    /// <summary>The agent process that has it.</summary>
    public string Instance { get; }

    /// <summary>Another agent process whose stream it has replaced, when that is worth telling; empty otherwise.</summary>
    public string Rival { get; }

    /// <summary>Whether the agent process that has replaced it is another one; false while none has.</summary>
    public bool ReplacedByRival { get; private set; }

    /// <summary>Whether it has ended; older ones may not have.</summary>
    public bool HasEnded => _ended.Task.IsCompleted;

    /// <summary>Ends when all older streams of the node have ended.</summary>
    public Task OlderGone { get; }

    /// <summary>Ends when this one has ended as well.</summary>
    public Task Gone { get; }

    /// <summary>Cancelled when a newer stream wants its place.</summary>
    public CancellationToken Replaced => _replaced.Token;

    /// <summary>Asks it to end; to be called once.</summary>
    /// <param name="instance">The agent process that wants its place.</param>
    public void Replace(string instance)
    {
        ReplacedByRival = instance != Instance;
        _replaced.Cancel();
    }

    public void Dispose() => _ended.TrySetResult();

    private async Task WaitAsync(Task olderGone)
    {
        await olderGone;
        await _ended.Task;
    }
}
