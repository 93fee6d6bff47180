using System.Collections.Immutable;
using Culvert.Core;
using Culvert.Interop;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Mesh;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Keeps the snapshot in force when the node's links change: a veth may appear, or be made anew, after the snapshot that names its workload.
/// </summary>
internal sealed class LinkFollower(LinkWatcher links, SnapshotApplier applier, DatapathReconciler reconciler, DatapathState state, MeshDirectory directory, ILogger logger)
{
    /// <summary>Runs until cancelled.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await foreach (ImmutableArray<string> changed in links.Changes.ReadAllAsync(stop))
            {
                NodeSnapshot snapshot = directory.View.Snapshot;
                if (snapshot.Version == 0 || !Concerns(snapshot, changed)) continue;
                try
                {
                    if (!reconciler.IsCurrent(snapshot)) await applier.ApplyAsync(snapshot, stop);
                }
                catch (Exception e) when (e is KernelException or ArgumentException)
                {
                    AgentLog.ReconcileFailed(logger, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Stopping.
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
