using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Delivery;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Puts the snapshot in force into force anew when it has turned out that what is captured at a pod's link does not reach the proxy, or does again.</summary>
internal sealed class DeliveryFollower(DeliveryKeeper deliveries, SnapshotApplier applier, TimeProvider time, ILogger logger)
{
    /// <summary>The sockets that probes are delivered to, made before the programs are loaded, which have to know their ports.</summary>
    /// <returns>None, and why, where the kernel can't probe or no port is free, which is logged.</returns>
    internal static (DeliverySockets? Sockets, string? Obstacle) MakeSockets(ILogger logger)
    {
        KernelFeature feature = KernelFeatures.ProbeLiveFrames();
        string obstacle = feature.Detail;
        try
        {
            if (feature.Present) return (new DeliverySockets(), null);
        }
        catch (IOException e)
        {
            obstacle = e.Message;
        }
        DatapathLog.DeliveryUntried(logger, obstacle);
        return (null, obstacle);
    }

    /// <summary>Runs until cancelled.</summary>
    internal Task RunAsync(CancellationToken stop) => ChangeFollower.RunAsync(deliveries.Changes, DeliveryKeeper.Interval, () => LookAsync(stop), time, stop);

    private async Task LookAsync(CancellationToken stop)
    {
        try
        {
            await applier.RefreshAfterAsync(deliveries.Look, stop);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            AgentLog.ReconcileFailed(logger, e.Message); // LinkFollower finds that what is in force is not what there is, and tries again
        }
    }
}
