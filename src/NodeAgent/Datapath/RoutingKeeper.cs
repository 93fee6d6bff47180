using System.Threading.Channels;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Hosting;
using Culvert.NodeAgent.Telemetry.Metrics;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Datapath;

/// <summary>
/// Keeps the agent's rules, routes and nft table: what another program removes is put back at once, logged and counted. Without them captured packets find no way to the
/// proxy, so that the agent is not ready while they can't be put back.
/// </summary>
internal sealed class RoutingKeeper(ChannelReader<bool> changes, CaptureRoutes routes, CaptureNat nat, HealthState health, CounterFamily restored, TimeProvider time, ILogger logger)
{
    /// <summary>What blocks readiness while rules or routes are missing.</summary>
    internal const string Part = "routing";

    // Finds what no change tells of, and tries again what the kernel refused.
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    /// <summary>Runs until cancelled.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        Task<bool> waiting = changes.WaitToReadAsync(stop).AsTask();
        try
        {
            while (true)
            {
                await ((Task)waiting.WaitAsync(Interval, time, stop)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stop.ThrowIfCancellationRequested();
                if (waiting.IsCompleted)
                {
                    // Taken before the look, so that what changes after it brings another. When the watcher has ended, which the follower of links tells, only time does.
                    bool more = waiting.IsCompletedSuccessfully && waiting.Result;
                    while (changes.TryRead(out _))
                    {
                    }
                    waiting = more ? changes.WaitToReadAsync(stop).AsTask() : new TaskCompletionSource<bool>().Task;
                }
                Look();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    private void Look()
    {
        try
        {
            IReadOnlyList<string> made = [.. routes.Ensure(), .. nat.Ensure()];
            health.Clear(Part);
            if (made.Count == 0) return;
            restored.With().Add(made.Count);
            DatapathLog.RoutingRestored(logger, string.Join("; ", made));
        }
        catch (NetlinkException e)
        {
            health.Block(Part, $"rules or routes of captured packets are missing and can't be put back: {e.Message}");
            DatapathLog.RoutingNotRestored(logger, e.Message, Interval.TotalSeconds);
        }
    }
}
