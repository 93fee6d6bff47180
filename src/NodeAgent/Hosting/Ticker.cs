namespace Culvert.NodeAgent.Hosting;

/// <summary>Work that comes again and again.</summary>
internal static class Ticker
{
    /// <summary>Does something at every interval until it is told to stop. What it throws ends the task.</summary>
    /// <param name="interval">Between two beginnings; a tick that falls into the work before is done right after it, several as one.</param>
    /// <param name="work">What to do.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends the task without an error.</param>
    internal static Task RunAsync(TimeSpan interval, Action work, TimeProvider time, CancellationToken stop) => RunAsync(
        interval,
        () =>
        {
            work();
            return Task.CompletedTask;
        },
        time,
        stop);

    /// <inheritdoc cref="RunAsync(TimeSpan, Action, TimeProvider, CancellationToken)"/>
    internal static async Task RunAsync(TimeSpan interval, Func<Task> work, TimeProvider time, CancellationToken stop)
    {
        using PeriodicTimer timer = new(interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop)) await work();
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }
}
