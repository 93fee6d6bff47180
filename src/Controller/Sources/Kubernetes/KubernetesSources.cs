using Culvert.Controller.Progress;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Leadership;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>Makes the source of a cluster with all that it needs.</summary>
internal static class KubernetesSources
{
    /// <summary>Makes it; it owns its clients, and not the metrics. Nothing is asked of the server yet.</summary>
    /// <param name="options">Which cluster.</param>
    /// <param name="progress">Where objects are in force.</param>
    /// <param name="duties">What the controller that leads does besides.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where log messages go.</param>
    public static KubernetesSource Create(KubernetesOptions options, MeshProgress progress, LeaderDuties duties, KubernetesMetrics metrics, TimeProvider time, ILoggerFactory loggers)
    {
        ILogger<KubernetesClient> logger = loggers.CreateLogger<KubernetesClient>();

        // Neither a watch nor a lease waits for statuses.
        KubernetesClient reads = new(options.Configuration, new(), metrics, time, logger), leases = new(options.Configuration, new(), metrics, time, logger);
        KubernetesClient writes = new(options.Configuration, new() { RequestsPerSecond = options.StatusesPerSecond, Burst = options.StatusBurst }, metrics, time, logger);
        LeaderElector elector = new(leases.Resource(KnownResources.Leases), new(options.Lease, options.Identity), metrics, time, loggers.CreateLogger<LeaderElector>());
        KubernetesStatus status = new(writes, elector, duties, progress, metrics, time, loggers.CreateLogger<KubernetesStatus>());
        return new(options.Configuration.Server.ToString(), reads, status, progress, options.Reflector, metrics, time, loggers.CreateLogger<KubernetesSource>(), () =>
        {
            status.Dispose();
            foreach (KubernetesClient client in (KubernetesClient[])[reads, leases, writes]) client.Dispose();
            return ValueTask.CompletedTask;
        });
    }
}
