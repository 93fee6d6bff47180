using System.Collections.Immutable;
using Culvert.Core;
using Culvert.Interop;
using Culvert.NodeAgent.Datapath;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Keeps the snapshot in force when the node's links change: a veth may appear, or be made anew, after the snapshot that names its workload.
/// </summary>
internal sealed class LinkFollower(LinkWatcher links, SnapshotApplier applier, DatapathState state, ILogger logger)
{
    /// <summary>Runs until cancelled.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await foreach (ImmutableArray<string> changed in links.Changes.ReadAllAsync(stop))
            {
                try
                {
                    await applier.RefreshAsync(snapshot => Concerns(snapshot, changed), stop);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
                {
                    AgentLog.ReconcileFailed(logger, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (KernelException e)
        {
            AgentLog.LinksUnwatched(logger, e.Message);
        }
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
