using System.Text.Json;
using Culvert.Controller.Identity;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>The roots in a ConfigMap of the cluster, from which pods of agents have them mounted.</summary>
/// <param name="client">Writes.</param>
/// <param name="name">The ConfigMap.</param>
/// <param name="authority">Whose roots.</param>
/// <param name="metrics">Where it is counted.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said that they can't be written.</param>
internal sealed class RootsConfigMap(IKubernetesClient client, ResourceName name, ICertificateAuthority authority, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    : PublishedRoots("roots", name, authority, metrics, time, logger)
{
    /// <summary>The key in the ConfigMap.</summary>
    internal const string Key = ControllerHost.RootsFileName;

    private readonly ILogger _logger = logger;

    protected override Task PatchAsync(ResourceName name, string roots, CancellationToken cancellationToken)
    {
        byte[] document = JsonSerializer.SerializeToUtf8Bytes(new(new Dictionary<string, string?> { [Key] = roots }), ApiJson.Default.ConfigMapPatch);
        return client.Resource(KnownResources.ConfigMaps).PatchAsync(name, Patch.Merge(document), new() { FieldManager = KubernetesStatus.FieldManager }, cancellationToken);
    }

    protected override void LogFailed(string name, double seconds, string remedy, string reason) => HostingLog.RootsNotPublished(_logger, name, seconds, remedy, reason);

    protected override void LogWritten(string name) => HostingLog.RootsPublished(_logger, name);
}
