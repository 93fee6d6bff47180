using System.Text;
using System.Text.Json;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Admission;

/// <summary>The roots in a ValidatingWebhookConfiguration, by which the API server knows whom it asks. All else in it is its author's.</summary>
/// <param name="client">Writes.</param>
/// <param name="name">The configuration.</param>
/// <param name="authority">Whose roots.</param>
/// <param name="metrics">Where it is counted.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said that they can't be written.</param>
internal sealed class WebhookBundle(IKubernetesClient client, ResourceName name, ICertificateAuthority authority, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    : PublishedRoots("webhook", name, authority, metrics, time, logger)
{
    /// <summary>The one webhook of the configuration that is this controller's.</summary>
    internal const string WebhookName = "objects.culvert.dev";

    private readonly ILogger _logger = logger;

    // By the webhook's name, so that others of the same configuration stay as they are.
    protected override Task PatchAsync(ResourceName name, string roots, CancellationToken cancellationToken)
    {
        WebhookPatch patch = new([new(WebhookName, new(Encoding.ASCII.GetBytes(roots)))]);
        byte[] document = JsonSerializer.SerializeToUtf8Bytes(patch, AdmissionJson.Default.WebhookPatch);
        return client.Resource(KnownResources.ValidatingWebhookConfigurations).PatchAsync(name, Patch.Strategic(document), new() { FieldManager = KubernetesStatus.FieldManager }, cancellationToken);
    }

    protected override void LogFailed(string name, double seconds, string remedy, string reason) => AdmissionLog.BundleNotWritten(_logger, name, seconds, remedy, reason);

    protected override void LogWritten(string name) => AdmissionLog.BundleWritten(_logger, name);

    protected override string RemedyOf(ApiException failure) => failure.Failure == ApiFailure.Invalid ? $"it has no webhook {WebhookName}, apply deploy/controller; " : base.RemedyOf(failure);
}
