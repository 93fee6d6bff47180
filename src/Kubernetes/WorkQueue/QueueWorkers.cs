using Culvert.Kubernetes.Errors;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.WorkQueue;

/// <summary>Work on the items of a queue, by several at a time. What fails is tried again later, at the earliest when the server says.</summary>
/// <typeparam name="TItem">What is worked on.</typeparam>
/// <param name="name">What it is called in the log.</param>
/// <param name="queue">The items.</param>
/// <param name="work">Work on one; returns when to come back to it although nothing happens, or null.</param>
/// <param name="logger">For failures.</param>
public sealed class QueueWorkers<TItem>(string name, WorkQueue<TItem> queue, Func<TItem, CancellationToken, Task<TimeSpan?>> work, ILogger logger)
    where TItem : notnull
{
    /// <summary>Works until the queue is closed and empty, or until it is cancelled.</summary>
    /// <param name="count">How many at a time.</param>
    /// <param name="cancellationToken">Ends it; work that runs is asked to end.</param>
    public Task RunAsync(int count, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return Task.WhenAll(Enumerable.Range(0, count).Select(_ => Task.Run(() => WorkAsync(cancellationToken), CancellationToken.None)));
    }

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (await queue.TakeAsync(cancellationToken) is (true, var item)) await WorkOnAsync(item, cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // As asked.
        }
    }

    private async Task WorkOnAsync(TItem item, CancellationToken cancellationToken)
    {
        try
        {
            TimeSpan? again = await work(item, cancellationToken);
            queue.Forget(item);
            if (again is { } delay) queue.AddAfter(item, delay);
        }
        catch (Exception e) when (e is not OutOfMemoryException && !(e is OperationCanceledException && cancellationToken.IsCancellationRequested))
        {
            queue.AddFailed(item, (e as ApiException)?.RetryAfter);
            WorkQueueLog.WorkFailed(logger, e, name, item.ToString() ?? "", queue.Failures(item));
        }
        catch (OperationCanceledException)
        {
            // For whoever works on the queue next.
            queue.Add(item);
            throw;
        }
        finally
        {
            queue.Done(item);
        }
    }
}
