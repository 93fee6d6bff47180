using System.Collections.Immutable;
using System.Threading.Channels;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Keeps the snapshot in force when the node's links change: a veth may appear, or be made anew, after the snapshot that names its workload.
/// What failed is tried again, after a growing pause or with the next change.
/// </summary>
/// <param name="changes">Links of the node that have changed.</param>
/// <param name="applier">Puts snapshots into force.</param>
/// <param name="state">What is in force.</param>
/// <param name="isWaiting">Whether a pod's network namespace is waited for: nobody tells of these.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The agent's log.</param>
internal sealed class LinkFollower(ChannelReader<ImmutableArray<string>> changes, SnapshotApplier applier, DatapathState state, Func<bool> isWaiting, TimeProvider time, ILogger logger)
{
    // What a pod does before it is captured is not guarded. But one that does not come at all must not cost a look every second for ever.
    private static readonly TimeSpan WaitingInterval = TimeSpan.FromSeconds(1);
    private const int MostWaitingLooks = 120;

    // Finds what no change tells of: changes that went unseen, and a snapshot that failed and could not be taken back entirely.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    // A failed attempt may itself change links.
    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs until cancelled.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        int failures = 0, waitingLooks = 0;
        long looked = time.GetTimestamp();
        Task<bool>? waiting = null;
        try
        {
            while (true)
            {
                waiting ??= changes.WaitToReadAsync(stop).AsTask();
                TimeSpan longest = failures == 0 ? WaitingInterval : RotationSchedule.RetryAfter(failures - 1, Random.Shared.NextDouble());
                await ((Task)waiting.WaitAsync(longest, time, stop)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stop.ThrowIfCancellationRequested();
                bool hasChanged = waiting.IsCompleted;
                bool waits = isWaiting();
                if (hasChanged || !waits) waitingLooks = 0;
                if (!hasChanged && failures == 0 && time.GetElapsedTime(looked) < Interval && !(waits && waitingLooks++ < MostWaitingLooks)) continue;
                ImmutableArray<string>? changed = hasChanged ? Take(ref waiting) : [];
                if (changed is not { } names) continue;
                looked = time.GetTimestamp();
                try
                {
                    bool again = failures > 0;
                    await applier.RefreshAsync(snapshot => again || Concerns(snapshot, names), stop);
                    failures = 0;
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
                {
                    failures++;
                    AgentLog.ReconcileFailed(logger, e.Message);
                    await Task.Delay(LeastPause, time, stop);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    // What has changed; null: nothing. From then on that nobody tells of changes any more, only time does.
    private ImmutableArray<string>? Take(ref Task<bool>? waiting)
    {
        if (!waiting!.IsCompletedSuccessfully || !waiting.Result)
        {
            AgentLog.LinksUnwatched(logger, waiting.Exception?.InnerException?.Message ?? "the watcher has ended", Interval.TotalSeconds);
            waiting = new TaskCompletionSource<bool>().Task;
            return [];
        }
        waiting = null;
        return changes.TryRead(out ImmutableArray<string> names) ? names : null;
    }

    private bool Concerns(NodeSnapshot snapshot, ImmutableArray<string> changed)
    {
        DatapathInForce current = state.Current;
        return changed.IsEmpty
            || !current.NotCaptured.IsEmpty
            || current.Endpoints.Any(e => changed.Contains(e.Interface))
            || snapshot.LocalWorkloads().Any(w => w.HostInterface is { } name && changed.Contains(name));
    }
}
