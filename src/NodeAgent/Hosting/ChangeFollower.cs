using System.Threading.Channels;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Work that is done after changes that a channel tells of, and from time to time: for changes that nobody tells of.</summary>
internal static class ChangeFollower
{
    // So many times as long as the work took it rests: what changes all the time costs a fifth of a processor at the most.
    private const int Rest = 4;

    /// <summary>Runs until told to stop. What the work throws ends the task.</summary>
    /// <param name="changes">Has something when there was a change. When it has ended only time has the work done.</param>
    /// <param name="interval">The longest time from one work to the next.</param>
    /// <param name="work">What to do.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stop">Ends the task without an error.</param>
    internal static Task RunAsync(ChannelReader<bool> changes, TimeSpan interval, Action work, TimeProvider time, CancellationToken stop) => RunAsync(
        changes,
        interval,
        () =>
        {
            work();
            return Task.CompletedTask;
        },
        time,
        stop);

    /// <inheritdoc cref="RunAsync(ChannelReader{bool}, TimeSpan, Action, TimeProvider, CancellationToken)"/>
    internal static async Task RunAsync(ChannelReader<bool> changes, TimeSpan interval, Func<Task> work, TimeProvider time, CancellationToken stop)
    {
        Task<bool> waiting = changes.WaitToReadAsync(stop).AsTask();
        try
        {
            while (true)
            {
                await ((Task)waiting.WaitAsync(interval, time, stop)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stop.ThrowIfCancellationRequested();
                if (waiting.IsCompleted)
                {
                    // Taken before the work, so that what changes after it brings another.
                    bool more = waiting.IsCompletedSuccessfully && waiting.Result;
                    while (changes.TryRead(out _))
                    {
                    }
                    waiting = more ? changes.WaitToReadAsync(stop).AsTask() : new TaskCompletionSource<bool>().Task;
                }
                long start = time.GetTimestamp();
                await work();
                await Task.Delay(time.GetElapsedTime(start) * Rest, time, stop);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }
}
