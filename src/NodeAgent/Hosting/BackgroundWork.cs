using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>What the agent does beside all else, each in a task of its own, until it is disposed of. A part that fails is told at once: nothing works on without it. Thread-safe but for <see cref="Start"/>.</summary>
internal sealed class BackgroundWork(ILogger logger) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly TaskCompletionSource<string> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes with the name of the first part that fails.</summary>
    internal Task<string> Failed => _failed.Task;

    /// <summary>Starts a part.</summary>
    /// <param name="name">What it does, for the log.</param>
    /// <param name="work">Runs until its token is cancelled, or has nothing left to do.</param>
    internal void Start(string name, Func<CancellationToken, Task> work) => _running.Add(Task.Run(() => RunAsync(name, work), CancellationToken.None));

    /// <summary>Has every part end, and waits for it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        _stop.Dispose();
    }

    private async Task RunAsync(string name, Func<CancellationToken, Task> work)
    {
        try
        {
            await work(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (Exception exception)
        {
            AgentLog.WorkFailed(logger, name, exception);
            _failed.TrySetResult(name);
        }
    }
}
