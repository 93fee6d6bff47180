using System.Text.Json;
using System.Threading.Channels;
using Culvert.Controller.Identity;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// The roots in PEM in a ConfigMap of the cluster, from which pods of agents have them mounted. Kept current from the start to the stop, also after others have changed it; the ConfigMap itself is not this one's to make, so that
/// the role needs no more than to patch it. Safe for any number of threads.
/// </summary>
/// <param name="client">Writes.</param>
/// <param name="name">The ConfigMap.</param>
/// <param name="authority">Whose roots.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said that they can't be written.</param>
internal sealed class RootsConfigMap(IKubernetesClient client, ResourceName name, ICertificateAuthority authority, TimeProvider time, ILogger logger) : IHostedService, IDisposable
{
    /// <summary>The key in the ConfigMap.</summary>
    internal const string Key = ControllerHost.RootsFileName;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(60), RetryDelay = TimeSpan.FromSeconds(10);

    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;
    private ApiFailure? _failure;

    /// <summary>Begins to write.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        authority.RootsChanged += Signal;
        _loop = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        authority.RootsChanged -= Signal;
        _stop.Cancel();
        return _loop;
    }

    public void Dispose() => _stop.Dispose();

    private void Signal() => _changes.Writer.TryWrite(true);

    private async Task RunAsync()
    {
        try
        {
            while (true)
            {
                TimeSpan pause = await WriteAsync();
                await using ITimer timer = time.CreateTimer(_ => Signal(), null, pause, Timeout.InfiniteTimeSpan);
                await _changes.Reader.ReadAsync(_stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopping.
        }
    }

    /// <summary>Returns when to write the next time, if nothing changes before.</summary>
    private async Task<TimeSpan> WriteAsync()
    {
        byte[] document = JsonSerializer.SerializeToUtf8Bytes(new() { Data = new Dictionary<string, string> { [Key] = RootsFile.Text(authority) } }, ApiJson.Default.ConfigMapData);
        try
        {
            await client.Resource(KnownResources.ConfigMaps).PatchAsync(name, Patch.Merge(document), new() { FieldManager = KubernetesStatus.FieldManager }, _stop.Token);
            if (_failure is not null) HostingLog.RootsPublished(logger, name.ToString());
            _failure = null;
            return Interval;
        }
        catch (Exception e) when (e is not (ApiException or OperationCanceledException or OutOfMemoryException))
        {
            HostingLog.RootsConfigMapFailed(logger, e, name.ToString());
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
            if (e.Failure != _failure) HostingLog.RootsNotPublished(logger, name.ToString(), RetryDelay.TotalSeconds, remedy, e.Message);
            _failure = e.Failure;
            return e.RetryAfter is { } asked && asked > RetryDelay ? TimeSpan.FromTicks(Math.Min(asked.Ticks, Interval.Ticks)) : RetryDelay;
        }
    }
}
