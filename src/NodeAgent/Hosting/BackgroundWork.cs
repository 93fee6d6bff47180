using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// What the agent does beside all else, each in a task of its own, from its start to its stop. A part that fails is told at once, with its name: nothing works on without it. (A BackgroundService would
/// only have the host stop.)
/// </summary>
/// <param name="logger">Where a failure is logged.</param>
/// <param name="parts">What each does, for the log, and the work: it runs until its token is cancelled, or has nothing left to do.</param>
internal sealed class BackgroundWork(ILogger logger, params (string Name, Func<CancellationToken, Task> Work)[] parts) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<string> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task[] _running = [];

    /// <summary>Completes with words on the first part that fails.</summary>
    internal Task<string> Failed => _failed.Task;

    /// <summary>Starts every part; a second call does nothing.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_running.Length == 0) _running = [.. parts.Select(p => Task.Run(() => RunAsync(p.Name, p.Work), CancellationToken.None))];
        return Task.CompletedTask;
    }

    /// <summary>Has every part end, and waits for it.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
    }

    public void Dispose() => _stop.Dispose();

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
            _failed.TrySetResult($"{name} has failed, which is an error of Culvert, please report it");
        }
    }
}
