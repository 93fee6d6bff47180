using System.Text.Json;
using Culvert.Controller.Identity;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.WorkQueue;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// The roots in PEM in a ConfigMap of the cluster, from which pods of agents have them mounted. Kept current from the start to the stop, also after others have changed it; the ConfigMap itself is not this one's to make, so that
/// the role needs no more than to patch it. Safe for any number of threads.
/// </summary>
internal sealed class RootsConfigMap : IHostedService, IDisposable
{
    /// <summary>The key in the ConfigMap.</summary>
    internal const string Key = ControllerHost.RootsFileName;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(60), RetryDelay = TimeSpan.FromSeconds(10);

    private readonly IKubernetesClient _client;
    private readonly ResourceName _name;
    private readonly ICertificateAuthority _authority;
    private readonly ILogger _logger;
    private readonly WorkQueue<ResourceName> _queue;
    private readonly CancellationTokenSource _stop = new();
    private Task _work = Task.CompletedTask;
    private ApiFailure? _failure;

    /// <param name="client">Writes.</param>
    /// <param name="name">The ConfigMap.</param>
    /// <param name="authority">Whose roots.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said that they can't be written.</param>
    internal RootsConfigMap(IKubernetesClient client, ResourceName name, ICertificateAuthority authority, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_client, _name, _authority, _logger) = (client, name, authority, logger);
        _queue = new("roots", new(), metrics, time);
    }

    /// <summary>Begins to write.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _authority.RootsChanged += Signal;
        Signal();
        _work = new QueueWorkers<ResourceName>("roots", _queue, WriteAsync, _logger).RunAsync(1, _stop.Token);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        _authority.RootsChanged -= Signal;
        _stop.Cancel();
        return _work;
    }

    public void Dispose()
    {
        _queue.Dispose();
        _stop.Dispose();
    }

    private void Signal() => _queue.Add(_name);

    /// <summary>Returns when to write the next time, if nothing changes before.</summary>
    private async Task<TimeSpan?> WriteAsync(ResourceName name, CancellationToken cancellationToken)
    {
        byte[] document = JsonSerializer.SerializeToUtf8Bytes(new() { Data = new Dictionary<string, string> { [Key] = RootsFile.Text(_authority) } }, ApiJson.Default.ConfigMapData);
        try
        {
            await _client.Resource(KnownResources.ConfigMaps).PatchAsync(name, Patch.Merge(document), new() { FieldManager = KubernetesStatus.FieldManager }, cancellationToken);
            if (_failure is not null) HostingLog.RootsPublished(_logger, name.ToString());
            _failure = null;
            return Interval;
        }
        catch (ApiException e)
        {
            string remedy = e.Failure switch
            {
                ApiFailure.NotFound => "there is none, apply deploy/controller; ",
                ApiFailure.Forbidden => "the controller's role lacks the verb patch on it; ",
                _ => "",
            };
            if (e.Failure != _failure) HostingLog.RootsNotPublished(_logger, name.ToString(), RetryDelay.TotalSeconds, remedy, e.Message);
            _failure = e.Failure;
            TimeSpan asked = e.RetryAfter ?? RetryDelay;
            return asked < RetryDelay ? RetryDelay : asked > Interval ? Interval : asked;
        }
    }
}
